"""The series index: label values ↔ row, append-only, with the roll-ups and sibling groups of the lattice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class SeriesIndex(Protocol):
    """Placeholder of the class to come; these are the parts that pages and metrics may use."""

    def __len__(self) -> int: ...
    def labels(self, row: int) -> Mapping[str, str]:
        """Prometheus-like labels: metric and the metric's dimensions, `*` for all, `device_family` for a parent row."""
        ...

    def is_leaf(self, row: int) -> bool: ...
    def is_watched(self, row: int) -> bool: ...
