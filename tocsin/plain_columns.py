"""A CSV file without any configuration: which column is the time, which are values, which tell series apart."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, cast

from connectors.tables.block import unreadable
from connectors.tables.formats import FAILURES, format_of, open_table
from connectors.tables.guess import METRIC_COLUMNS, NO_LABELS, TIME_COLUMNS
from detector.errors import ConfigError, DataError

SERIES_COLUMNS = ("series_id", "series", "entity", "host", "server", "instance")
VALUE = "value"
LOOKED_AT = 2_000  # rows from which columns of numbers are told from columns of text
MOST_DIMENSIONS = 4
TIME = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?)? ?(Z|z|[+-]\d\d:?\d\d)?")
ZONE = re.compile(r"(Z|z|[+-]\d\d:?\d\d)$")


@dataclass(frozen=True, slots=True)
class ColumnWishes:
    """What the user said about columns; empty: to be found in the header."""

    time: str | None = None
    values: tuple[str, ...] = ()
    dimensions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns of a file mean."""

    time: str
    unit: str  # s, ms, us, ns or rfc3339
    is_naive: bool  # text without a zone
    values: tuple[str, ...]
    dimensions: tuple[str, ...]
    has_peers: bool  # values of the dimensions may be summed and compared
    metric: str | None  # the column that names what was measured
    unused: tuple[str, ...]


def find_columns(path: Path, wishes: ColumnWishes) -> Columns:
    """Reads the header and the first rows of a CSV file; ConfigError names what is missing and what was found.

    With a column `value` (or `--value`): one metric; a column that names series makes them strangers to each other,
    else every column of text is a dimension whose values are peers. Without: every column of numbers is a metric.
    """
    if format_of(path) != "csv":
        raise ConfigError(f"{path.name}: only a CSV file names its columns; for others pass -c with source.format")
    header, rows = _head(path)
    for name in (wishes.time, *wishes.values, *wishes.dimensions):
        if name is not None and name not in header:
            raise ConfigError(f"{path.name}:1: expected a column {name!r}, found {', '.join(header)}")
    cells = {name: [row[i] for row in rows if i < len(row) and row[i].strip()] for i, name in enumerate(header)}
    time = wishes.time or _time(path, header, cells)
    is_number = {name: bool(cells[name]) and all(_is_number(cell) for cell in cells[name]) for name in header}
    values = wishes.values or ((VALUE,) if VALUE in header else ())
    rest = [name for name in header if name not in {time, *values, *NO_LABELS}]
    named = next((name for name in SERIES_COLUMNS if name in rest), None)
    if not values:
        values = tuple(name for name in rest if is_number[name] and name not in (named, *wishes.dimensions))
        rest = [name for name in rest if name not in values]
    if not values:
        raise ConfigError(
            f"{path.name}:1: expected a column {VALUE!r} or columns of numbers (or --value NAME), "
            f"found {', '.join(header)}"
        )
    metric = None
    if len(values) == 1 and not wishes.dimensions and named is None:
        metric = next((name for name in METRIC_COLUMNS if name in rest), None)
    texts = tuple(n for n in rest if not is_number[n] and n != metric and not _is_time(cells[n]))
    dimensions = wishes.dimensions or ((named,) if named else texts)
    if len(dimensions) > MOST_DIMENSIONS:
        raise ConfigError(
            f"{path.name}:1: expected at most {MOST_DIMENSIONS} columns that tell series apart, found "
            f"{', '.join(dimensions)}; choose with --dimension NAME"
        )
    unused = tuple(name for name in header if name not in {time, *values, *dimensions, metric})
    has_peers = not any(name in SERIES_COLUMNS for name in dimensions) and len(values) == 1
    unit, is_naive = _unit(path, time, cells[time])
    return Columns(time, unit, is_naive, values, dimensions, has_peers, metric, unused)


def _head(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with open_table(path, "rt") as file:
            rows = csv.reader(cast(IO[str], file))
            header = next(rows, None)
            first = [row for row in islice(rows, LOOKED_AT) if row]
    except FAILURES as error:
        raise unreadable(path, error) from error
    if not header:
        raise DataError(f"{path.name}:1: expected a first line with the names of the columns, got an empty file")
    if not first:
        raise DataError(f"{path.name}:2: expected at least one row below the header, got none")
    return header, first


def _time(path: Path, header: Sequence[str], cells: dict[str, list[str]]) -> str:
    for name in TIME_COLUMNS:
        if name in header:
            return name
    for name in header:
        if cells[name] and TIME.fullmatch(cells[name][0].strip()):
            return name
    raise ConfigError(
        f"{path.name}:1: expected one of the columns {', '.join(TIME_COLUMNS)}, or one with times such as "
        f"2026-11-20T22:47:00Z (or --time NAME), found {', '.join(header)}"
    )


def _unit(path: Path, column: str, cells: Sequence[str]) -> tuple[str, bool]:
    """The unit of the first time, and whether it is text without a zone."""
    cell = cells[0].strip() if cells else ""
    if _is_number(cell):
        size = abs(float(cell))
        return ("s" if size < 1e11 else "ms" if size < 1e14 else "us" if size < 1e17 else "ns"), False
    if not TIME.fullmatch(cell):
        raise DataError(
            f"{path.name}:2: {column}: expected a time such as 2026-11-20T22:47:00 or seconds since 1970, got {cell!r}"
        )
    return "rfc3339", ZONE.search(cell[10:]) is None


def _is_time(cells: Sequence[str]) -> bool:
    return bool(cells) and all(TIME.fullmatch(cell.strip()) for cell in cells)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text
