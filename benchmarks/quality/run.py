"""The one place where a method meets a dataset: each method takes a dataset and a budget and gives pages and p."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.quality import plain, tocsin
from benchmarks.quality.dataset import Dataset, Detection

Method = Callable[[Dataset, float], Detection]
METHODS: dict[str, Method] = {"plain": plain.detect, "tocsin": tocsin.detect}
DEFAULT = "tocsin"
PEERS = ("plain",)  # shown beside it unless others are asked for


def detect(dataset: Dataset, budget: float, method: str = DEFAULT) -> Detection:
    """Runs a method over all panels; the budget is false pages per series-week, for grids per service-week."""
    return METHODS[method](dataset, budget)
