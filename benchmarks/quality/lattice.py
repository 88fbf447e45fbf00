"""Tocsin itself on a grid: the engine's own warm start and step, one service, stack A watched and B its witness."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.dataset import Dataset, Detection, Page, Panel
from detector.frame import Key, Tick
from detector.schema import Dimension, Independence, Metric, Schema
from suppression.alarm import AlarmEvent
from suppression.calendar import Calendar
from suppression.controls import Controls
from tocsin.core import Core, State
from tocsin.outcome import Outcome
from tocsin.parameters import Parameters
from tocsin.pipeline import step
from tocsin.warmup import warm_up


def detect(dataset: Dataset, budget: float, alter: Callable[[Core], None] | None = None) -> Detection:
    """Pages and the smallest p of each tick; the budget is false pages per service-week. `alter`: for ablations."""
    (panel,) = dataset.panels
    schema = grid_schema(panel)
    keys = [_key(schema, column.labels) for column in panel.columns]
    leaves = sum(c.watched for c in panel.columns)
    core = Core(schema, Parameters(budget=1000 * budget / leaves))
    if alter is not None:
        alter(core)
    calendar = calendar_of(dataset, panel)
    first = int(panel.units[0].ticks[panel.units[0].score_from])
    state = warm_up(core, core.init(), keys, panel.t_ms[:first], panel.y[:first], calendar, quiet_ms=1 << 60)
    run = GridRun(core, state, keys, Controls(calendar=calendar))
    p = np.full((len(panel.t_ms), 1), np.nan)
    for i in range(first, len(panel.t_ms)):
        p[i, 0] = run.tick(i, int(panel.t_ms[i]), panel.y[i])
    return Detection(tuple(run.pages(panel)), (p,))


def grid_schema(panel: Panel) -> Schema:
    """Region is the place; whatever other dimensions the set has follow."""
    found = {name for c in panel.columns for name in c.labels if name != "stack"}
    names = sorted(found, key=lambda name: (name != "region", name))
    stacks = sorted({(c.labels["stack"], c.watched) for c in panel.columns})
    return Schema(
        dimensions=tuple(Dimension(name) for name in names),
        metrics=tuple(
            Metric(stack, role="watched" if watched else "witness", stack=stack, kind=_kind(panel, stack))
            for stack, watched in stacks
        ),
        place="region",
        independence=tuple(Independence(a, b, ("region",)) for a, wa in stacks for b, wb in stacks if wa and not wb),
        interval_ms=panel.step_ms,
        lateness_ms=0,
    )


def _kind(panel: Panel, stack: str) -> Literal["count", "gauge"]:
    kinds = {c.kind for c in panel.columns if c.labels["stack"] == stack}
    return "count" if kinds == {"count"} else "gauge"


def _key(schema: Schema, labels: dict[str, str]) -> Key:
    return (labels["stack"], *(labels.get(name, "") for name in schema.dimension_names))


def calendar_of(dataset: Dataset, panel: Panel) -> Calendar:
    if dataset.calendar_csv is None:
        return Calendar()
    from tocsin.calendar_csv import calendar_from_csv, calendar_text
    from tocsin.calendar_file import parse_calendars

    text = calendar_text(calendar_from_csv(dataset.calendar_csv, "calendar.csv", interval_ms=panel.step_ms))
    return parse_calendars({"calendar.yaml": text})


class GridRun:
    """The engine driven tick by tick, its events gathered."""

    def __init__(self, core: Core, state: State, keys: list[Key], controls: Controls) -> None:
        self.core, self.state, self.controls = core, state, controls
        self.rows = np.array([state.index.rows[key] for key in keys])
        self.delivered = np.ones(len(core.schema.metrics), bool)
        self.events: list[tuple[int, AlarmEvent]] = []

    def tick(self, i: int, t_ms: int, values: NDArray[np.float64]) -> float:
        """The smallest p of the tick over watched rows."""
        y = np.full(len(self.state.index), np.nan)
        y[self.rows] = values
        self.state, outcome = step(self.core, self.state, Tick(t_ms, y, self.delivered), self.controls)
        self.events += [(i, event) for event in outcome.events]
        return self._p(outcome)

    def _p(self, outcome: Outcome) -> float:
        watched = self.core.adapt(self.state).lattice.watched
        size = np.abs(outcome.surprise[watched])
        if not np.isfinite(size).any():
            return float("nan")
        return float(10 ** -np.nanmax(size))

    def pages(self, panel: Panel) -> list[Page]:
        """One page per alarm told; held candidates as suppressed rows."""
        del panel
        pages: list[Page] = []
        for alarm in dict.fromkeys(event.alarm_id for _, event in self.events):
            mine = [(i, e) for i, e in self.events if e.alarm_id == alarm]
            opens = [(i, e) for i, e in mine if e.type in ("fired", "released")]
            held = [(i, e) for i, e in mine if e.type == "held"]
            closes = [i for i, e in mine if e.type == "resolved"]
            at = opens or held
            if not at:
                continue
            i, event = at[0]
            cuboid = "&".join(f"{k}={v}" for k, v in event.data["cuboid"]["present"].items()) or "all"
            p = min(float(e.data["p"]) for _, e in mine)
            reasons = [r["reason"] for r in (event.data["suppression"] or {}).get("reasons", [])]
            pages.append(
                Page(
                    0,
                    0,
                    i,
                    closes[-1] if closes else None,
                    event.data["direction"],
                    cuboid,
                    p,
                    not opens,
                    reasons[0] if reasons and not opens else "",
                )
            )
        return pages
