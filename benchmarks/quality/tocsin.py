"""Tocsin on every layout: the engine's own code, one configuration per kind."""

from __future__ import annotations

from benchmarks.quality import lattice, lone
from benchmarks.quality.dataset import Dataset, Detection


def detect(dataset: Dataset, budget: float) -> Detection:
    """Budget: false pages per series-week, for grids per service-week."""
    return lattice.detect(dataset, budget) if dataset.layout == "grid" else lone.detect(dataset, budget)
