"""Detectors of other libraries, one model a series, at their own settings where they have any."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.speed.cell import Reading
from benchmarks.speed.flat import SURGE, Flat
from benchmarks.speed.separation import area

Point = Callable[[float], float]  # scores and learns one value of one series


def half_space_trees(mean: float) -> Point:
    """river's HalfSpaceTrees: 10 trees of height 8, window 250, one feature scaled to 0..1."""
    from river import anomaly

    model: Any = anomaly.HalfSpaceTrees(seed=1)

    def point(y: float) -> float:
        x: dict[Any, float] = {"y": min(y / (4 * mean), 1.0)}
        score = model.score_one(x)
        model.learn_one(x)
        return float(score)

    return point


def snarimax(mean: float) -> Point:
    """river's SNARIMAX(p=2, d=0, q=1): the error of its forecast of the next value, in roots of the mean."""
    from river import time_series

    model: Any = time_series.SNARIMAX(p=2, d=0, q=1)
    root = mean**0.5

    def point(y: float) -> float:
        error = abs(y - model.forecast(horizon=1)[0])
        model.learn_one(y)
        return float(error / root)

    return point


def random_cut_forest(mean: float) -> Point:
    """rrcf: 10 trees of the last 128 values; mean collusive displacement of the newest."""
    rrcf: Any = import_module("rrcf")  # carries no type marks
    trees = [rrcf.RCTree(random_state=seed) for seed in range(10)]
    count = 0

    def point(y: float) -> float:
        nonlocal count
        total = 0.0
        for tree in trees:
            if count >= 128:
                tree.forget_point(count - 128)
            tree.insert_point([y], index=count)
            total += tree.codisp(count)
        count += 1
        return total / len(trees)

    return point


MODELS: dict[str, tuple[Callable[[float], Point], int]] = {  # maker, ticks before it is warm
    "half_space_trees": (half_space_trees, 260),
    "snarimax": (snarimax, 200),
    "rrcf": (random_cut_forest, 135),
}


class ModelCell:
    """`series` models of one kind."""

    def __init__(self, name: str, series: int, ticks: int) -> None:
        make, warm = MODELS[name]
        self.points = series
        self.flat = Flat(series)
        self.models = [make(float(mean)) for mean in self.flat.mean]
        self.ticks = ticks
        gc.freeze()
        for _ in range(warm):
            self._tick()

    def _tick(self, factor: NDArray[np.float64] | float = 1.0) -> tuple[float, list[float]]:
        samples = self.flat.next(factor).tolist()
        begun = time.process_time()
        scores = [point(y) for point, y in zip(self.models, samples, strict=True)]
        return time.process_time() - begun, scores

    def separation(self) -> float:
        """Every second model gets a surge, since there are few: a model is compared with others on the same tick."""
        surging = np.arange(self.points) % 2 == 1
        _, scores = self._tick(np.where(surging, SURGE, 1.0))
        return area(np.asarray(scores), surging)

    def measure(self) -> Reading:
        took = sum(self._tick()[0] for _ in range(self.ticks))
        return Reading(took / self.ticks / self.points * 1e9)
