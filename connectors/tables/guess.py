"""A mapping for a CSV file from its header, as far as flags leave it open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from connectors.mapping import MetricMapping, RecordMapping, TimeField
from connectors.tables.formats import format_of, read_first_rows
from connectors.tables.rows import column_name
from detector.errors import ConfigError

TIME_COLUMNS = ("timestamp", "timestamp_utc", "ts", "time", "datetime", "date")
METRIC_COLUMNS = ("metric", "stack")
VALUE_COLUMNS = ("value",)
NO_LABELS = ("label", "is_anomaly", "part")  # truth and splits of data sets are no labels of a series


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user said about the columns; None: to be found in the header."""

    time: str | None = None
    value: str | None = None
    metric: str | None = None  # one name for all
    metric_column: str | None = None
    labels: tuple[str, ...] | None = None


def guess_mapping(path: Path, wishes: Wishes = Wishes()) -> RecordMapping:  # frozen
    """The mapping of a CSV file: text without a zone is UTC, numbers of the time are seconds, ms, us or ns by size."""
    if format_of(path) != "csv":
        raise ConfigError(f"{path.name}: only a CSV file names its columns; for others pass -c with source.format")
    header, first = read_first_rows(path)
    time = _one("--time", wishes.time, TIME_COLUMNS, header, path)
    value = _one("--value", wishes.value, VALUE_COLUMNS, header, path)
    column = wishes.metric_column
    if column is None and wishes.metric is None:
        column = next((name for name in METRIC_COLUMNS if name in header), None)
    if column is not None:
        column = _one("--metric-column", column, (), header, path)
    taken = {time, value, column, *NO_LABELS}
    labels = wishes.labels if wishes.labels is not None else tuple(name for name in header if name not in taken)
    for label in labels:
        _one("--labels", label, (), header, path)
    return RecordMapping(
        timestamp=_time_field(time, first[header.index(time)] if len(first) == len(header) else ""),
        metrics=(MetricMapping(wishes.metric or "value", value=(value,), name_path=(column,) if column else None),),
        columns=tuple((label, (label,)) for label in labels),
    )


def has_columns(path: Path, mapping: RecordMapping) -> bool:
    """Does a CSV file have every column that a mapping reads?"""
    header, _ = read_first_rows(path)
    return all(column_name(steps) in header for steps in mapping.paths())


def _one(flag: str, wish: str | None, usual: Sequence[str], header: Sequence[str], path: Path) -> str:
    names = [wish] if wish is not None else usual
    for name in names:
        if name in header:
            return name
    expected = f"a column {wish!r}" if wish is not None else f"one of the columns {', '.join(usual)} (or {flag} NAME)"
    raise ConfigError(f"{path.name}: expected {expected}, found {', '.join(header)}")


def _time_field(column: str, cell: str) -> TimeField:
    try:
        number = abs(float(cell))
    except ValueError:
        return TimeField((column,), "rfc3339", assume_utc=True)
    if number < 1e11:
        return TimeField((column,), "s")
    return TimeField((column,), "ms" if number < 1e14 else "us" if number < 1e17 else "ns")
