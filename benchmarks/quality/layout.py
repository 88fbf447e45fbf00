"""Which layout a folder has, judged from the names of its files and columns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.quality.csvfile import header
from benchmarks.quality.dataset import Layout
from detector.errors import DataError

TIME_COLUMNS = ("timestamp", "timestamp_utc", "step")
SINGLE_VALUES = ("demand", "cnt", "log_views", "value")
NOT_METRICS = ("entity", "step", "timestamp", "timestamp_utc", "part", "label")

EXPECTED = """expected one of
  long    series.csv[.gz] with series_id, timestamp, value
  single  series.csv[.gz] with a time and one of demand, cnt, log_views
  wide    series_wide.csv[.gz] with entity, step or timestamp, and one column a metric
  grid    series.csv[.gz] with timestamp, stack, region, device, value
  cells   cells.csv[.gz] with case, timestamp, value, cnt, dims"""


@dataclass(frozen=True, slots=True)
class Found:
    """The file with the data and the columns that matter."""

    layout: Layout
    file: Path
    time: str
    values: tuple[str, ...]


def detect_layout(path: Path) -> Found:
    """Names the layout of a folder; raises DataError saying what was found and what was expected."""
    if not path.is_dir():
        raise DataError(f"{path}: expected a folder with data files, found {'a file' if path.exists() else 'nothing'}")
    for stem in ("cells", "series_wide", "series"):
        for name in (f"{stem}.csv.gz", f"{stem}.csv"):
            if (path / name).is_file():
                return _of_columns(path / name, stem, header(path / name))
    names = ", ".join(sorted(p.name for p in path.iterdir())) or "nothing"
    raise DataError(f"{path}: no layout fits: found {names}; {EXPECTED}")


def _of_columns(file: Path, stem: str, columns: tuple[str, ...]) -> Found:
    have = set(columns)
    time = next((name for name in TIME_COLUMNS if name in have), "")
    if stem == "cells" and {"case", "timestamp", "value", "cnt", "dims"} <= have:
        return Found("cells", file, "timestamp", ("value", "cnt"))
    if stem == "series_wide" and "entity" in have and time:
        metrics = tuple(name for name in columns if name not in NOT_METRICS)
        if metrics:
            return Found("wide", file, time, metrics)
    if stem == "series" and time:
        if {"stack", "region", "device", "value"} <= have:
            return Found("grid", file, time, ("value",))
        if {"series_id", "value"} <= have:
            return Found("long", file, time, ("value",))
        value = next((name for name in SINGLE_VALUES if name in have), "")
        if value and "series_id" not in have:
            return Found("single", file, time, (value,))
    raise DataError(f"{file}: no layout fits: found columns {', '.join(columns)}; {EXPECTED}")
