"""What stands behind the question mark, checked: states, label patterns, times, limits, cursors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from starlette.datastructures import QueryParams

from detector.errors import TocsinError
from suppression.reasons import REASONS, STATES
from tocsin.api.store import AlarmQuery
from tocsin.api.times import parse_time

MOST_ITEMS = 1000
ALARM_ID = re.compile(r"[A-Z0-9-]{1,64}", re.ASCII)
LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.]{0,63}", re.ASCII)
MOST_PATTERNS = 64
SEVERITIES = ("info", "warning", "critical")


class QueryError(TocsinError):
    """A parameter of a request does not say what was expected."""


def alarm_query(parameters: QueryParams, now_ms: int, *, only_held: bool = False) -> AlarmQuery:
    """The query of a list of alarms; unknown parameters are errors, so that a misspelt filter shows nothing wrong."""
    known = {"match", "since", "limit", "cursor", "reason"} | (set() if only_held else {"state", "severity"})
    expect_known(parameters, known)
    return AlarmQuery(
        states=one_of(parameters, "state", STATES),
        severities=one_of(parameters, "severity", SEVERITIES),
        match=match_of(parameters),
        since_ms=since_of(parameters, now_ms),
        limit=limit_of(parameters),
        cursor=cursor_of(parameters),
        only_held=only_held,
        reasons=one_of(parameters, "reason", REASONS),
    )


def expect_known(parameters: QueryParams, known: Iterable[str]) -> None:
    """Refuses parameters that mean nothing here."""
    names = sorted(known)
    for name in parameters:
        if name not in names:
            raise QueryError(f"{name[:64]}: unknown parameter; expected one of {', '.join(names)}")


def one_of(parameters: QueryParams, name: str, allowed: Iterable[str]) -> frozenset[str]:
    """Values of a parameter that may repeat or hold commas, all from a closed set."""
    values = [part for text in parameters.getlist(name) for part in text.split(",") if part]
    allowed = tuple(allowed)
    for value in values:
        if value not in allowed:
            raise QueryError(f"{name}: expected one of {', '.join(allowed)}, got {value[:64]!r}")
    return frozenset(values)


def match_of(parameters: QueryParams) -> tuple[Mapping[str, str], ...]:
    """`match=region=us-*,activity=login`: commas mean and, a second `match` means or."""
    texts = [text for text in parameters.getlist("match") if text.strip()]
    if len(texts) > MOST_PATTERNS:
        raise QueryError(f"match: at most {MOST_PATTERNS} expected, got {len(texts)}")
    return tuple(_patterns(text) for text in texts)


def _patterns(text: str) -> dict[str, str]:
    patterns: dict[str, str] = {}
    for part in text.split(","):
        name, equals, glob = part.strip().partition("=")
        if not equals or not LABEL_NAME.fullmatch(name) or not glob:
            raise QueryError(f"match: expected label=pattern such as region=us-*, got {part[:64]!r}")
        patterns[name] = glob
    return patterns


def since_of(parameters: QueryParams, now_ms: int) -> int | None:
    """`since` in milliseconds, None where it is not given."""
    text = parameters.get("since")
    if not text:
        return None
    try:
        return parse_time(text, now_ms)
    except ValueError as error:
        raise QueryError(f"since: {error}") from None


def limit_of(parameters: QueryParams, default: int = 100) -> int:
    """How many items one page holds."""
    text = parameters.get("limit", str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= MOST_ITEMS):
        raise QueryError(f"limit: expected a number from 1 to {MOST_ITEMS}, got {text[:64]!r}")
    return int(text)


def cursor_of(parameters: QueryParams) -> str | None:
    """The `next` of the page before."""
    text = parameters.get("cursor")
    if text is not None and not ALARM_ID.fullmatch(text):
        raise QueryError(f"cursor: expected `next` of the page before, got {text[:64]!r}")
    return text
