"""A folder as a `Dataset`: finds the layout, reads the allowed columns, joins earlier history, aligns to ticks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.quality.dataset import BudgetPer, Dataset, Panel
from benchmarks.quality.layout import Found, detect_layout
from benchmarks.quality.read_grid import read_grid
from benchmarks.quality.read_long import read_long, read_single
from benchmarks.quality.read_wide import read_wide
from detector.errors import DataError

Reader = Callable[[Found, Path, "Found | None"], tuple[tuple[Panel, ...], tuple[str, ...]]]
READERS: dict[str, Reader] = {"long": read_long, "single": read_single, "wide": read_wide, "grid": read_grid}


def read_dataset(path: Path, history: Path | None = None) -> Dataset:
    """Reads the series of a folder, with earlier data of the same layout in front of them if `history` names it.

    Never reads labels, truth files, holidays, weather, or anything of `meta.csv` but `step_s`. Raises DataError.
    """
    found = detect_layout(path)
    if found.layout == "cells":
        raise DataError(f"{found.file}: a set of cells is for localisation; it has no series to watch")
    earlier = detect_layout(history) if history is not None else None
    if earlier is not None and earlier.layout != found.layout:
        raise DataError(
            f"{earlier.file}: --history is of layout {earlier.layout}, expected {found.layout} as in {path}"
        )
    panels, notes = READERS[found.layout](found, path, earlier)
    calendar = path / "calendar.csv"
    per: BudgetPer = "service-week" if found.layout == "grid" else "series-week"
    text = calendar.read_text(encoding="utf-8-sig") if calendar.is_file() else None
    return Dataset(path, found.layout, panels, per, text, notes)
