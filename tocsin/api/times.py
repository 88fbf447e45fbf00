"""Times at the edge: RFC 3339 text and relative times, in and out of milliseconds UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime

UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
RELATIVE = re.compile(r"(?:now-)?((?:\d{1,6}[smhdw])+)", re.ASCII)


def parse_time(text: str, now_ms: int) -> int:
    """Milliseconds of `2026-11-20T22:43:00Z`, `6h`, `now-6h` or `now`; raises ValueError with what was expected."""
    if text == "now":
        return now_ms
    if match := RELATIVE.fullmatch(text):
        parts = re.findall(r"(\d+)([smhdw])", match[1])
        return now_ms - sum(int(number) * UNITS_MS[unit] for number, unit in parts)
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError
        return int(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        expected = "a time with its zone such as 2026-11-20T22:43:00Z, or 6h, now-6h, now"
        raise ValueError(f"expected {expected}, got {text[:64]!r}") from None


def to_ms(text: object) -> int | None:
    """Milliseconds of a time in an alarm's body; None where it is missing or not a time."""
    if not isinstance(text, str):
        return None
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def to_text(ms: int) -> str:
    """RFC 3339 in UTC, to the second.

    >>> to_text(0)
    '1970-01-01T00:00:00Z'
    """
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
