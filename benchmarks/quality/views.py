"""Pages and scores of one unit beside the times of its ticks, ready to be judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks import referee
from benchmarks.quality.dataset import Dataset, Detection, Panel
from benchmarks.quality.paging import calm_ticks, runs_over


@dataclass(frozen=True, slots=True)
class View:
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


def views_of(dataset: Dataset, detection: Detection) -> list[View]:
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
            pages = [
                page for page in detection.pages if page.panel == number and page.unit == u and not page.suppressed
            ]
            opens, open_p = np.array([q.open for q in pages], np.int64), np.array([q.p for q in pages], float)
            views.append(View(unit.name, panel, u, stamps, mine, opens, open_p))
    return views


def stamps_at(view: View, ticks: NDArray[np.int64]) -> list[int]:
    return [int(t) for t in view.stamps[ticks]]


def opens_over(view: View, cut: float) -> NDArray[np.int64]:
    with np.errstate(invalid="ignore"):
        return runs_over(view.surprise > cut, calm_ticks(view.panel.step_ms))[0]


def cuts(views: Sequence[View]) -> list[float]:
    values: list[float] = referee.thresholds(np.concatenate([view.surprise for view in views])).tolist()
    return values
