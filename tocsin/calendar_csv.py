"""Calendars as CSV: `start,end,name[,scope]` or `date,name[,lower_window,upper_window]`, written as YAML."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from detector.errors import DataError
from tocsin.calendar_file import parse_calendars
from tocsin.config.faults import FaultsError
from tocsin.config.time_fields import is_date, parse_time

DAY = timedelta(days=1)
MAX_WINDOW = 31
SPAN_COLUMNS = ("start", "end", "name")
DATE_COLUMNS = ("date", "name")
OPTIONAL = ("scope", "lower_window", "upper_window")


def calendar_from_csv(text: str, file: str, *, zone: str = "UTC", interval_ms: int = 0) -> dict[str, Any]:
    """The calendar as a plain document; DataError names file, line and value of what does not fit.

    `name` becomes the class, so that effects are pooled over the rows that share it. `end` is where the event ends;
    with `interval_ms` it is the start of the last tick that still belongs to it. A date as `end` includes that day.
    `lower_window` and `upper_window` are days before and after. `scope` is `all` or `region=r1&device=tv`.
    """
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
    except csv.Error as error:
        raise DataError(f"{file}:1: not CSV: {error}") from None
    is_spans = all(column in header for column in SPAN_COLUMNS)
    if not is_spans and not all(column in header for column in DATE_COLUMNS):
        forms = "start,end,name[,scope] or date,name[,lower_window,upper_window]"
        raise DataError(f"{file}:1: expected the columns {forms}, got {','.join(header) or 'nothing'}")
    events: list[dict[str, Any]] = []
    ids: dict[str, int] = {}
    for line, row in _rows(rows, header, file):
        try:
            start, end = _span(row, interval_ms) if is_spans else _days(row)
            if not row["name"]:
                raise ValueError("expected a name, got nothing")
            event: dict[str, Any] = {"id": _identity(row["name"], start, ids), "title": row["name"][:256]}
            event |= {"class": row["name"][:256], "when": {"start": _text(start), "end": _text(end)}}
            scope = _scope(row.get("scope", ""))
        except ValueError as error:
            raise DataError(f"{file}:{line}: {error}") from None
        events.append({**event, "scope": scope} if scope else event)
    if not events:
        raise DataError(f"{file}: expected at least one event below the header, got none")
    return {"version": 1, "timezone": zone, "events": events}


def ignored_columns(text: str) -> list[str]:
    """Columns of a CSV that an import does not look at."""
    header = next(csv.reader(io.StringIO(text, newline="")), [])
    return [name.strip() for name in header if name.strip() not in {*SPAN_COLUMNS, *DATE_COLUMNS, *OPTIONAL}]


def calendar_text(document: dict[str, Any]) -> str:
    """The document as YAML in the form of hand-written files; checked before it is handed out."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 120
    out = io.StringIO()
    yaml.dump(document, out)
    text = out.getvalue()
    try:
        parse_calendars({"import": text})
    except FaultsError as error:
        raise DataError(f"what was imported does not pass the check:\n{error}") from None
    return text


def _rows(rows: Any, header: list[str], file: str) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, cells by column) of a `csv.reader`; lines of blanks are passed over."""
    try:
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                raise DataError(f"{file}:{rows.line_num}: expected {len(header)} cells like the header, got {len(row)}")
            yield rows.line_num, {name: cell.strip() for name, cell in zip(header, row, strict=True)}
    except csv.Error as error:
        raise DataError(f"{file}:{rows.line_num}: not CSV: {error}") from None


def _span(row: dict[str, str], interval_ms: int) -> tuple[datetime, datetime]:
    start, end = parse_time(row["start"]), parse_time(row["end"])
    if is_date(row["end"]):
        end += DAY
    else:
        end += timedelta(milliseconds=interval_ms)
    if (start.tzinfo is None) != (end.tzinfo is None):
        raise ValueError(f"start {row['start']} and end {row['end']}: expected an offset in both or in neither")
    if end <= start:
        hint = "; give --interval if the end is the last tick of the event" if not interval_ms else ""
        raise ValueError(f"the end {row['end']} is not after the start {row['start']}{hint}")
    return start, end


def _days(row: dict[str, str]) -> tuple[datetime, datetime]:
    day = parse_time(row["date"])
    if (day.hour, day.minute, day.second, day.tzinfo) != (0, 0, 0, None):
        raise ValueError(f"expected a date such as 2026-12-25, got {row['date']!r}")
    lower = _window(row.get("lower_window", ""), "lower_window", -MAX_WINDOW, 0)
    upper = _window(row.get("upper_window", ""), "upper_window", 0, MAX_WINDOW)
    return day + lower * DAY, day + (upper + 1) * DAY


def _window(text: str, name: str, low: int, high: int) -> int:
    if not text:
        return 0
    if not re.fullmatch(r"-?\d{1,3}(\.0*)?", text) or not low <= float(text) <= high:
        raise ValueError(f"{name}: expected a whole number of days from {low} to {high}, got {text!r}")
    return int(float(text))


def _scope(text: str) -> dict[str, list[str]] | None:
    if text in ("", "all", "*"):
        return None
    scope: dict[str, list[str]] = {}
    for piece in text.split("&"):
        key, equals, value = piece.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise ValueError(f"scope: expected all or region=r1&device=tv, got {text!r}")
        scope.setdefault(key.strip(), []).append(value.strip())
    return scope


def _identity(name: str, start: datetime, ids: dict[str, int]) -> str:
    """A readable id, unique in this import: the name's letters, the day, and a number if that is not enough."""
    slug = re.sub(r"[^a-z0-9]+", "-", re.sub("['’]", "", name.lower())).strip("-")[:80] or "event"
    identity = f"{slug}-{start:%Y-%m-%d}"
    ids[identity] = ids.get(identity, 0) + 1
    return identity if ids[identity] == 1 else f"{identity}.{ids[identity]}"


def _text(time: datetime) -> str:
    return time.isoformat(timespec="minutes" if time.second == 0 and time.microsecond == 0 else "auto")
