"""Tocsin on every layout: the engine's own code, one configuration per kind."""

from __future__ import annotations

from benchmarks.quality import lattice, lone
from benchmarks.quality.dataset import Dataset, Detection


def detect(dataset: Dataset, budget: float, jobs: int = 1) -> Detection:
    """Budget: false pages per series-week, for grids per service-week. `jobs`: panels judged at a time."""
    if dataset.layout == "grid":
        return lattice.detect(dataset, budget)
    return lone.detect(dataset, budget, jobs=jobs)
