"""The figures of a run, from pages and scores and, only now, the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks import referee
from benchmarks.quality.cells import Blame
from benchmarks.quality.dataset import WEEK_MS, Dataset, Detection, Panel
from benchmarks.quality.paging import calm_ticks, runs_over
from benchmarks.quality.truth import Truth
from benchmarks.referee import Judged, Pooled
from benchmarks.referee_grid import GridFigures, GridTruth, judge_grid

KPI_FINEST_MS = 300_000  # the challenge's delay in points means something up to five-minute ticks
LEAST_EXPECTED = 20  # pages that a class must be due for its realised rate to be shown
LIMITS = (0.5, 1.0)  # false pages per series-week
GRID_LIMITS = (1.0, 2.0)  # per service-week


@dataclass(frozen=True, slots=True)
class Figures:
    """What the table shows of one method; recalls by limit of false pages, NaN where not to be had."""

    own: Pooled | GridFigures
    held: int
    promised: float
    pages_at: dict[float, float]  # limit → recall, own pages kept from the smallest p on
    sweep_at: dict[float, float]  # limit → recall, one threshold on the scores
    kpi_f1: float = np.nan
    situations: dict[str, float] = field(default_factory=dict)  # false pages by what was on, per series-week
    worst_class: tuple[str, float] | None = None  # realised ÷ promised of the worst class that is due enough pages

    @property
    def realised(self) -> float:
        return self.own.false_per_week


@dataclass(frozen=True, slots=True)
class _View:
    """One unit, ready to be judged: stamps (T,) of its panel's ticks, surprise (T,), pages (open tick, p)."""

    name: str
    panel: Panel
    unit: int
    stamps: NDArray[np.int64]
    surprise: NDArray[np.float64]
    opens: NDArray[np.int64]
    open_p: NDArray[np.float64]

    @property
    def span(self) -> tuple[int, int]:
        unit = self.panel.units[self.unit]
        return int(self.stamps[min(unit.score_from, unit.last)]), int(self.stamps[unit.last])


def measure(dataset: Dataset, detection: Detection, truth: Truth, budget: float) -> Figures:
    """Figures of a long, single or wide set, all series pooled."""
    views = _views(dataset, detection)

    def judged(opens_of: Callable[[_View], NDArray[np.int64]]) -> list[Judged]:
        return [_judge(view, opens_of(view), truth) for view in views]

    each = judged(lambda view: view.opens)
    every_p = np.concatenate([view.open_p for view in views])
    by_page = [referee.pool(judged(lambda v, limit=limit: v.opens[v.open_p <= limit])) for limit in np.unique(every_p).tolist()]  # type: ignore[misc]
    by_score = [referee.pool(judged(lambda v, cut=cut: _opens_over(v, cut))) for cut in _cuts(views)]  # type: ignore[misc]
    return Figures(
        own=referee.pool(each),
        held=sum(page.suppressed for page in detection.pages),
        promised=budget,
        pages_at={limit: _recall(by_page, limit) for limit in LIMITS},
        sweep_at={limit: _recall(by_score, limit) for limit in LIMITS},
        kpi_f1=_kpi_f1(views, truth) if dataset.layout == "long" else np.nan,
        situations=_situations(views, truth, each),
        worst_class=_worst_class(views, each, budget),
    )


def measure_grid(dataset: Dataset, detection: Detection, truth: GridTruth, budget: float) -> Figures:
    """Figures of a grid: one service."""
    panel = dataset.panels[0]
    view = _views(dataset, detection)[0]
    t_ms = view.stamps[panel.units[0].ticks]  # the set's own ticks: the referee knows no others
    by_page = [judge_grid(_at(view, view.opens[view.open_p <= p]), truth, t_ms) for p in np.unique(view.open_p).tolist()]
    by_score = [judge_grid(_at(view, _opens_over(view, cut)), truth, t_ms) for cut in _cuts([view])]
    own = judge_grid(_at(view, view.opens), truth, t_ms)
    return Figures(
        own=own,
        held=sum(page.suppressed for page in detection.pages),
        promised=budget,
        pages_at={limit: _grid_recall(by_page, limit) for limit in GRID_LIMITS},
        sweep_at={limit: _grid_recall(by_score, limit) for limit in GRID_LIMITS},
        situations=own.false_by_situation,
    )


def measure_cells(blames: Sequence[Blame], causes: dict[str, list[frozenset[tuple[str, str]]]]) -> dict[str, float]:
    """Exact F1 of the first cuboid, and the share of true cuboids among the first three."""
    right, said, true, within = 0, 0, 0, 0
    for blame in blames:
        case = blame.case
        guesses = [frozenset((case.names[d], case.words[d][code]) for d, code in root.labels) for root in blame.roots]
        cause = causes[case.name]
        right += sum(guess in cause for guess in guesses[:1])
        said += len(guesses[:1])
        true += len(cause)
        within += sum(cuboid in guesses[:3] for cuboid in cause)
    return {"cases": len(blames), "f1_at_1": referee.f1(right, said - right, true - right), "recall_at_3": within / max(true, 1)}


def _views(dataset: Dataset, detection: Detection) -> list[_View]:
    views = []
    for number, (panel, p) in enumerate(zip(dataset.panels, detection.p, strict=True)):
        with np.errstate(divide="ignore"):
            surprise = -np.log10(np.maximum(p, 1e-300))
        parsed = panel.clock.parse(panel.texts, dataset.path)
        for u, unit in enumerate(panel.units):
            stamps = panel.t_ms + unit.phase_ms
            stamps[unit.ticks] = parsed[unit.texts]
            stamps[: unit.score_from] = panel.t_ms[: unit.score_from] + unit.phase_ms  # history has no text of its own
            mine = surprise[:, u].copy()
            mine[: unit.score_from] = np.nan
            mine[unit.last + 1 :] = np.nan
            pages = [page for page in detection.pages if page.panel == number and page.unit == u and not page.suppressed]
            opens, open_p = np.array([q.open for q in pages], np.int64), np.array([q.p for q in pages], float)
            views.append(_View(unit.name, panel, u, stamps, mine, opens, open_p))
    return views


def _judge(view: _View, opens: NDArray[np.int64], truth: Truth) -> Judged:
    """Judged in milliseconds, delays in ticks."""
    judged = referee.judge(_at(view, opens), truth.incidents.get(view.name, []), view.span)
    return replace(judged, delays=tuple(delay / view.panel.step_ms for delay in judged.delays))


def _at(view: _View, ticks: NDArray[np.int64]) -> list[int]:
    return [int(t) for t in view.stamps[ticks]]


def _opens_over(view: _View, cut: float) -> NDArray[np.int64]:
    with np.errstate(invalid="ignore"):
        return runs_over(view.surprise > cut, calm_ticks(view.panel.step_ms))[0]


def _cuts(views: list[_View]) -> list[float]:
    values: list[float] = referee.thresholds(np.concatenate([view.surprise for view in views])).tolist()
    return values


def _recall(curve: list[Pooled], limit: float) -> float:
    best = referee.best_at(curve, limit)
    return best.recall if best else 0.0


def _grid_recall(curve: list[GridFigures], limit: float) -> float:
    return max((point.recall for point in curve if point.false_per_week <= limit), default=0.0)


def _kpi_f1(views: list[_View], truth: Truth) -> float:
    """The challenge's F1 over points: one threshold, chosen on the first half of every series, judged on the second."""
    series = []
    for view in views:
        unit = view.panel.units[view.unit]
        ticks = unit.ticks[unit.ticks >= unit.score_from]
        if view.panel.step_ms > KPI_FINEST_MS or not ticks.size:
            continue
        stamps = view.stamps[ticks]
        label = np.zeros(len(ticks), bool)
        for start, end in truth.incidents.get(view.name, []):
            label[np.searchsorted(stamps, start) : np.searchsorted(stamps, end, side="right")] = True
        series.append((np.nan_to_num(view.surprise[ticks], nan=-1.0), label))
    if not series:
        return np.nan
    halves = [[(s[: len(s) // 2], y[: len(y) // 2]) for s, y in series], [(s[len(s) // 2 :], y[len(y) // 2 :]) for s, y in series]]

    def at(cut: float, half: int) -> float:
        counts = np.array([referee.kpi_counts(s > cut, y) for s, y in halves[half]]).sum(axis=0)
        return referee.f1(*counts.tolist())

    cuts = _cuts(views)
    return at(max(cuts, key=lambda cut: at(cut, 0)), 1)


def _situations(views: list[_View], truth: Truth, each: list[Judged]) -> dict[str, float]:
    """False pages by the special event that was on, per series-week; empty where the set knows no events."""
    if not truth.events:
        return {}
    weeks = sum(j.clean for j in each) / WEEK_MS
    counts = dict.fromkeys(("quiet", "anticipated", "unanticipated_low", "no_data"), 0)
    for view in views:
        for t in _at(view, view.opens):
            if any(s <= t <= e for s, e in truth.incidents.get(view.name, [])):
                continue
            kind = next((k for s, e, k in truth.events if s <= t <= e and k in counts), "quiet")
            counts[kind] += 1
    return {name: count / weeks for name, count in counts.items()}


def _worst_class(views: list[_View], each: list[Judged], budget: float) -> tuple[str, float] | None:
    """Realised ÷ promised of the class farthest off; classes are interval × third of the volume."""
    means = [float(np.nanmean(np.abs(v.panel.y[:, v.panel.unit_columns(v.unit)]))) for v in views]
    third = np.argsort(np.argsort(means)) * 3 // max(len(means), 1)
    classes: dict[str, list[Judged]] = {}
    for view, rank, judged in zip(views, third.tolist(), each, strict=True):
        classes.setdefault(f"{view.panel.step_ms // 1000} s, volume {('low', 'middle', 'high')[rank]}", []).append(judged)
    ratios = {}
    for name, members in classes.items():
        due = budget * sum(j.clean for j in members) / WEEK_MS
        if due >= LEAST_EXPECTED:
            ratios[name] = sum(j.false for j in members) / due
    if not ratios:
        return None
    return max(ratios.items(), key=lambda item: abs(np.log(max(item[1], 1e-3))))
