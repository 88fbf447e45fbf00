"""Tocsin itself on series without peers: the engine's own start and step, one engine a panel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.dataset import Dataset, Detection, Page, Panel
from benchmarks.quality.feed_pages import FeedPages
from benchmarks.quality.lattice import calendar_of
from benchmarks.quality.side_by_side import of_panels
from detector.frame import Key, Tick
from detector.schema import Dimension, Metric, Schema
from suppression.alarm import AlarmEvent
from suppression.controls import Controls
from tocsin.core import Core, State
from tocsin.lone_start import Studied, join, outside_events, study
from tocsin.parameters import Parameters
from tocsin.pipeline import step


def detect(
    dataset: Dataset, budget: float, alter: Callable[[Core], None] | None = None, jobs: int = 1
) -> Detection:  # fmt: skip
    """Pages and p of every unit and tick; budget: false pages per series-week of units; `alter`: for ablations.

    `jobs`: panels judged at a time, in processes of their own; what `alter` is given for stays in this one.
    """
    found = of_panels(partial(_judge, budget, alter), dataset, jobs if alter is None else 1)
    return Detection(tuple(page for pages, _ in found for page in pages), tuple(p for _, p in found))


def lone_events(panel: Panel, dataset: Dataset, budget: float) -> list[tuple[int, AlarmEvent]]:
    """Every event of the engine over one panel, with its tick."""
    run = _run(panel, dataset, budget, None)
    for i in range(min(unit.score_from for unit in panel.units), len(panel.t_ms)):
        run.tick(i)
    return run.events


def _run(panel: Panel, dataset: Dataset, budget: float, alter: Callable[[Core], None] | None) -> _Run:
    core = Core(lone_schema(panel), Parameters(budget=budget, budget_per="series-week"))
    if alter is not None:
        alter(core)
    return _Run(core, panel, dataset)


def lone_schema(panel: Panel) -> Schema:
    """Units are values of one dimension without peers; columns of a unit are metrics, a single column is `value`."""
    names = sorted({_metric(column.labels) for column in panel.columns})
    return Schema(
        dimensions=(Dimension("series", peers=False),),
        metrics=tuple(Metric(name) for name in names),
        place=None,
        interval_ms=panel.step_ms,
        lateness_ms=0,
    )


def _metric(labels: dict[str, str]) -> str:
    return labels.get("metric", "value")


def _judge(
    budget: float, alter: Callable[[Core], None] | None, number: int, dataset: Dataset
) -> tuple[list[Page], NDArray[np.float64]]:  # fmt: skip
    (panel,) = dataset.panels
    return _detect(number, panel, dataset, budget, alter)


def _detect(
    number: int, panel: Panel, dataset: Dataset, budget: float, alter: Callable[[Core], None] | None
) -> tuple[list[Page], NDArray[np.float64]]:
    run = _run(panel, dataset, budget, alter)
    surprise = np.full((len(panel.t_ms), len(panel.units)), np.nan, np.float32)
    first = min(unit.score_from for unit in panel.units)
    for i in range(first, len(panel.t_ms)):
        surprise[i] = run.tick(i)
    p: NDArray[np.float64] = 10 ** -np.abs(surprise.astype(float))
    for u, unit in enumerate(panel.units):
        p[unit.last + 1 :, u] = np.nan
    return run.pages(number), p


@dataclass(slots=True)
class _Run:
    """One engine over one panel. Each unit joins where its history ends, and is fed from there on."""

    core: Core
    panel: Panel
    dataset: Dataset
    state: State = field(init=False)
    controls: Controls = field(init=False)
    rows: NDArray[np.int64] = field(init=False)  # (S,) of columns
    unit: NDArray[np.int64] = field(init=False)  # (S,) of columns
    start: NDArray[np.int64] = field(init=False)  # (S,) first judged tick of columns
    fed: NDArray[np.float64] = field(init=False)  # (T, S) of rows, NaN before they are judged
    delivered: NDArray[np.bool_] = field(init=False)  # (metrics,)
    joining: set[int] = field(init=False)  # ticks at which columns join
    heads: NDArray[np.int64] = field(init=False)  # (U,) a row of each unit
    last: dict[str, int] = field(init=False)  # tick of the last row of each unit: what follows is no gap
    studied: Studied = field(init=False)
    outside: NDArray[np.bool_] | None = field(init=False)
    events: list[tuple[int, AlarmEvent]] = field(init=False)
    feeds: FeedPages = field(default_factory=FeedPages)

    def __post_init__(self) -> None:
        panel, core = self.panel, self.core
        assert core.lone is not None
        keys: list[Key] = [(_metric(c.labels), panel.units[c.unit].name) for c in panel.columns]
        self.state, self.events = core.init(), []
        self.state.index.admit(keys)
        core.adapt(self.state)
        self.rows = np.array([self.state.index.rows[key] for key in keys], np.int64)
        self.unit = np.array([c.unit for c in panel.columns], np.int64)
        self.start = np.array([panel.units[c.unit].score_from for c in panel.columns], np.int64)
        self.heads = np.array([self.rows[panel.unit_columns(u)[0]] for u in range(len(panel.units))], np.int64)
        self.last = {unit.name: unit.last for unit in panel.units}
        calendar = calendar_of(self.dataset, panel)
        self.controls = Controls(calendar=calendar)
        end = int(self.start.max())
        t_ms = panel.t_ms[:end]
        is_history = np.arange(end)[:, None] < self.start
        history = np.where(is_history, panel.y[:end], np.nan)
        self.fed = np.full((len(panel.t_ms), len(self.state.index)), np.nan)
        self.fed[:, self.rows] = panel.y
        self.fed[:end, self.rows] = np.where(is_history, np.nan, panel.y[:end])
        self.delivered, self.joining = np.ones(len(core.schema.metrics), bool), set(self.start.tolist())
        self.studied = study(core.lone, t_ms, history)
        self.outside = outside_events(calendar, t_ms)

    def tick(self, i: int) -> NDArray[np.float32]:
        """(U,) surprise of the units at tick `i`."""
        if i in self.joining:
            fresh = np.flatnonzero(self.start == i)
            join(self.core, self.state, self.rows[fresh], self.studied, fresh, self.outside)
        tick = Tick(int(self.panel.t_ms[i]), self.fed[i], self.delivered)
        self.state, outcome = step(self.core, self.state, tick, self.controls)
        told = self.feeds.of_units(self.core, self.state, outcome.events)
        self.events += [(i, e) for e in told if i <= self.last[e.data["series"]["series"]]]
        return outcome.surprise[self.heads]

    def pages(self, number: int) -> list[Page]:
        """One page per alarm told; held candidates as suppressed rows."""
        by_alarm: dict[str, list[tuple[int, AlarmEvent]]] = {}
        for i, event in self.events:
            by_alarm.setdefault(event.alarm_id, []).append((i, event))
        units = {unit.name: u for u, unit in enumerate(self.panel.units)}
        return [_page(number, units, mine) for mine in by_alarm.values()]


def _page(number: int, units: dict[str, int], events: list[tuple[int, AlarmEvent]]) -> Page:
    told = [(i, e) for i, e in events if e.type in ("fired", "released")]
    i, event = (told or events)[0]
    closes = [i for i, e in events if e.type == "resolved"]
    labels = event.data["series"]
    reasons = [r["reason"] for r in (event.data["suppression"] or {}).get("reasons", [])]
    page = Page(
        number, units[labels["series"]], i, closes[-1] if closes else None, event.data["direction"],
        "all" if labels["metric"] == "value" else f"metric={labels['metric']}",
        min(float(e.data["p"]) for _, e in events),
    )  # fmt: skip
    return page if told else replace(page, suppressed=True, reason=reasons[0])
