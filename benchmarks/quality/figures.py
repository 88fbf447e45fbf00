"""The figures of a run, from pages and scores and, only now, the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks import referee
from benchmarks.quality.cells import Blame
from benchmarks.quality.dataset import WEEK_MS, Dataset, Detection
from benchmarks.quality.kpi import kpi_f1
from benchmarks.quality.truth import Truth
from benchmarks.quality.views import View, cuts, opens_over, stamps_at, views_of
from benchmarks.referee import Judged, Pooled
from benchmarks.referee_grid import GridFigures, GridTruth, judge_grid

LEAST_EXPECTED = 20  # pages that a class must be due for its realised rate to be shown
LIMITS = (0.5, 1.0)  # false pages per series-week, the budget beside them
GRID_LIMITS = (1.0, 2.0)  # per service-week


@dataclass(frozen=True, slots=True)
class Figures:
    """What the table shows of one method; recalls by limit of false pages, NaN where not to be had."""

    own: Pooled | GridFigures
    held: int
    promised: float
    pages_at: dict[float, float]  # limit → recall, own pages kept from the smallest p on
    sweep_at: dict[float, float]  # limit → recall, one threshold on the scores
    sweep_precision: float = np.nan  # of that threshold at the budget
    kpi_f1: tuple[float, float] = (np.nan, np.nan)  # a common threshold; one for each series
    situations: dict[str, float] = field(default_factory=dict)  # false pages by what was on, per series-week
    worst_class: tuple[str, float] | None = None  # realised ÷ promised of the worst class that is due enough pages

    @property
    def realised(self) -> float:
        return self.own.false_per_week


def measure(dataset: Dataset, detection: Detection, truth: Truth, budget: float) -> Figures:
    """Figures of a long, single or wide set, all series pooled."""
    views = views_of(dataset, detection)

    each = [_judge(view, view.opens, truth) for view in views]
    limits = np.unique(np.concatenate([view.open_p for view in views])).tolist()
    by_page = [referee.pool([_judge(v, v.opens[v.open_p <= limit], truth) for v in views]) for limit in limits]
    by_score = [referee.pool([_judge(v, opens_over(v, cut), truth) for v in views]) for cut in cuts(views)]
    best = referee.best_at(by_score, budget)
    return Figures(
        own=referee.pool(each),
        held=sum(page.suppressed for page in detection.pages),
        promised=budget,
        pages_at={limit: _recall(by_page, limit) for limit in _limits(LIMITS, budget)},
        sweep_at={limit: _recall(by_score, limit) for limit in _limits(LIMITS, budget)},
        sweep_precision=best.precision if best else np.nan,
        kpi_f1=kpi_f1(views, truth) if dataset.layout == "long" else (np.nan, np.nan),
        situations=_situations(views, truth, each),
        worst_class=_worst_class(views, each, budget),
    )


def measure_grid(dataset: Dataset, detection: Detection, truth: GridTruth, budget: float) -> Figures:
    """Figures of a grid: one service."""
    panel = dataset.panels[0]
    view = views_of(dataset, detection)[0]
    t_ms = view.stamps[panel.units[0].ticks]  # the set's own ticks: the referee knows no others
    by_page = [
        judge_grid(stamps_at(view, view.opens[view.open_p <= p]), truth, t_ms) for p in np.unique(view.open_p).tolist()
    ]
    by_score = [judge_grid(stamps_at(view, opens_over(view, cut)), truth, t_ms) for cut in cuts([view])]
    own = judge_grid(stamps_at(view, view.opens), truth, t_ms)
    return Figures(
        own=own,
        held=sum(page.suppressed for page in detection.pages),
        promised=budget,
        pages_at={limit: _grid_recall(by_page, limit) for limit in _limits(GRID_LIMITS, budget)},
        sweep_at={limit: _grid_recall(by_score, limit) for limit in _limits(GRID_LIMITS, budget)},
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
    return {
        "cases": len(blames),
        "f1_at_1": referee.f1(right, said - right, true - right),
        "recall_at_3": within / max(true, 1),
    }


def _judge(view: View, opens: NDArray[np.int64], truth: Truth) -> Judged:
    """Judged in milliseconds, delays in ticks."""
    judged = referee.judge(stamps_at(view, opens), truth.incidents.get(view.name, []), view.span)
    return replace(judged, delays=tuple(delay / view.panel.step_ms for delay in judged.delays))


def _limits(usual: tuple[float, ...], budget: float) -> list[float]:
    """The limits that every set is held against, and the promise of this run."""
    return sorted({*usual, budget})


def _recall(curve: list[Pooled], limit: float) -> float:
    best = referee.best_at(curve, limit)
    return best.recall if best else 0.0


def _grid_recall(curve: list[GridFigures], limit: float) -> float:
    return max((point.recall for point in curve if point.false_per_week <= limit), default=0.0)


def _situations(views: Sequence[View], truth: Truth, each: list[Judged]) -> dict[str, float]:
    """False pages by the special event that was on, per series-week; empty where the set knows no events."""
    if not truth.events:
        return {}
    weeks = sum(j.clean for j in each) / WEEK_MS
    counts = dict.fromkeys(("quiet", "anticipated", "unanticipated_low", "no_data"), 0)
    for view in views:
        for t in stamps_at(view, view.opens):
            if any(s <= t <= e for s, e in truth.incidents.get(view.name, [])):
                continue
            kind = next((k for s, e, k in truth.events if s <= t <= e and k in counts), "quiet")
            counts[kind] += 1
    return {name: count / weeks for name, count in counts.items()}


def _worst_class(views: Sequence[View], each: list[Judged], budget: float) -> tuple[str, float] | None:
    """Realised ÷ promised of the class farthest off; classes are interval × third of the volume."""
    means = [float(np.nanmean(np.abs(v.panel.y[:, v.panel.unit_columns(v.unit)]))) for v in views]
    third = np.argsort(np.argsort(means)) * 3 // max(len(means), 1)
    classes: dict[str, list[Judged]] = {}
    for view, rank, judged in zip(views, third.tolist(), each, strict=True):
        classes.setdefault(f"{view.panel.step_ms // 1000} s, volume {('low', 'middle', 'high')[rank]}", []).append(
            judged
        )
    ratios = {}
    for name, members in classes.items():
        due = budget * sum(j.clean for j in members) / WEEK_MS
        if due >= LEAST_EXPECTED:
            ratios[name] = sum(j.false for j in members) / due
    if not ratios:
        return None
    return max(ratios.items(), key=lambda item: abs(np.log(max(item[1], 1e-3))))
