"""One row of a table to its samples: the same mapping as for JSON, a path being the name of a column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import Any

from connectors.mapping import ROOT, MetricMapping, RecordMapping
from connectors.mapping import Path as Steps
from connectors.records.fault import Fault, show
from connectors.records.numbers import GAP, read_value, read_value_text
from connectors.records.routing import Router
from connectors.records.timestamps import EPOCH, MILLISECOND, read_time, read_time_text
from connectors.tables.block import Builder
from detector.errors import DataError

HASHED = (str, int, float, datetime)  # types of cells whose times are remembered
TIMES = 100_000  # texts of times that are remembered: rows of one tick share theirs


def column_name(path: Steps) -> str:
    """The column that a path names: its steps with dots in between."""
    return ".".join(path[1:] if path[0] == ROOT else path)


class RowReader:
    """Reads rows of one file; `is_text`: cells are text (CSV), else typed (Parquet)."""

    def __init__(self, mapping: RecordMapping, header: Sequence[str], path: Path, *, is_text: bool) -> None:
        self.mapping = mapping
        self.router = Router(mapping)
        self._is_text = is_text
        self._width = len(header)
        where = {name: number for number, name in enumerate(header)}
        missing = [name for steps in mapping.paths() if (name := column_name(steps)) not in where]
        if missing:
            raise DataError(f"{path.name}: expected the columns {', '.join(missing)}, found {', '.join(header)}")
        self._time = where[column_name(mapping.timestamp.path)]
        self._values = [where[column_name(steps)] for steps in self.router.values]
        self._labels = _cells([where[column_name(steps)] for steps in self.router.paths])
        self._times: dict[object, int] = {}

    def read(self, row: Sequence[Any], line: int, out: Builder) -> None:
        """Adds the samples of one row, or why it has none."""
        try:
            if len(row) != self._width:
                raise Fault("bad_shape", f"expected {self._width} cells, got {len(row)}")
            raw = self._labels(row)
            routes = self.router.young.get(raw) if self._is_text else None
            routes = routes or self.router.route(raw)
            cell = row[self._time]
            time_ms = self._times.get(cell) if type(cell) in HASHED else None
            if time_ms is None:
                time_ms = self._time_of(cell)
            for key, number, metric in routes:
                value = self._value(row[self._values[number]], metric)
                out.keys.append(key)
                out.times.append(time_ms)
                out.values.append(value)
        except Fault as fault:
            out.refuse(line, fault)

    def _time_of(self, cell: object) -> int:
        mapping = self.mapping
        if self._is_text:
            time_ms = read_time_text(str(cell), mapping.timestamp, mapping.limits)
        elif isinstance(cell, datetime):
            time_ms = self._of_datetime(cell)
        else:
            time_ms = read_time(cell, mapping.timestamp, mapping.limits)
        if len(self._times) >= TIMES:
            self._times.clear()
        self._times[cell] = time_ms
        return time_ms

    def _of_datetime(self, moment: datetime) -> int:
        limits = self.mapping.limits
        if moment.tzinfo is None and not self.mapping.timestamp.assume_utc:
            column = column_name(self.mapping.timestamp.path)
            raise Fault(
                "bad_time", f"{column}: expected times with a zone (or assume_utc: true), got {show(str(moment))}"
            )
        time_ms = ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // MILLISECOND
        if not limits.min_time_ms <= time_ms < limits.max_time_ms:
            raise Fault("bad_time", f"expected a time from 2000 to 2100, got {show(str(moment))}")
        return time_ms

    def _value(self, cell: object, metric: MetricMapping) -> float:
        if not self._is_text:
            return read_value(float(cell) if _is_decimal(cell) else cell, metric)  # type: ignore[arg-type]
        text = str(cell)
        return read_value_text(text, metric) if text.strip() else GAP


def _is_decimal(cell: object) -> bool:
    return type(cell).__name__ == "Decimal"


def _cells(numbers: list[int]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    if not numbers:
        return lambda row: ()
    if len(numbers) == 1:
        only = numbers[0]
        return lambda row: (row[only],)
    return itemgetter(*numbers)
