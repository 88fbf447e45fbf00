"""The calendar of a backtest: YAML as `run` reads it, or the CSV that `calendar import-csv` reads."""

from __future__ import annotations

import csv
import glob
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from detector.errors import ConfigError
from suppression.calendar import Calendar
from tocsin.calendar_csv import calendar_from_csv, calendar_text
from tocsin.calendar_file import parse_calendars
from tocsin.config.document import read_text
from tocsin.config.faults import FaultsError


def read_calendar(paths: Sequence[Path], zone: str, interval_ms: int, dimensions: Mapping[str, str]) -> Calendar:
    """The events of all files. Times of a CSV without an offset are of `zone`; its `end` is the last tick of the event.

    `dimensions`: column → name; a column of a CSV that is a dimension (such as `series_id`) is its scope.
    """
    texts: dict[str, str] = {}
    for path in paths:
        try:
            text = read_text(path)
        except FaultsError as error:
            raise ConfigError(f"--calendar: {error}") from None
        is_csv = path.name.lower().endswith(".csv")
        texts[str(path)] = _from_csv(text, path, zone, interval_ms, dimensions) if is_csv else text
    return parse_calendars(texts)


def _from_csv(text: str, path: Path, zone: str, interval_ms: int, dimensions: Mapping[str, str]) -> str:
    document = calendar_from_csv(text, str(path), zone=zone, interval_ms=interval_ms)
    rows = [row for row in csv.reader(io.StringIO(text, newline="")) if any(cell.strip() for cell in row)]
    header = [name.strip() for name in rows[0]]
    if "scope" not in header:
        for event, row in zip(document["events"], rows[1:], strict=True):
            _narrow(event, dict(zip(header, row, strict=True)), dimensions)
    return calendar_text(document)


def _narrow(event: dict[str, Any], row: Mapping[str, str], dimensions: Mapping[str, str]) -> None:
    scope = {
        name: [glob.escape(row[column].strip())] for column, name in dimensions.items() if row.get(column, "").strip()
    }
    if scope:
        event["scope"] = scope
