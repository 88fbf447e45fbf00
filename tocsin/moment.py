"""Moments as people give them on the command line: RFC 3339, `now`, `2h`, `now-6h`, `now+30d`."""

from __future__ import annotations

import re

from detector.errors import ConfigError
from tocsin.config.duration import parse_duration
from tocsin.config.time_fields import parse_time, to_ms

RELATIVE = re.compile(r"(?:now)?\s*([+-]?)\s*(\d[\dwdhms]*)")


def parse_moment(text: str, now_ms: int, flag: str, *, past: bool = False) -> int:
    """UTC milliseconds; a bare duration counts from now, backwards with `past`. A time without offset is UTC.

    >>> parse_moment("now-6h", 21_600_000, "--since")
    0
    """
    stripped = text.strip()
    if stripped == "now":
        return now_ms
    relative = RELATIVE.fullmatch(stripped)
    try:
        if relative is not None and not re.match(r"\d{4}-", stripped):
            sign = relative[1] or ("-" if past else "+")
            return now_ms + (-1 if sign == "-" else 1) * parse_duration(relative[2])
        return to_ms(parse_time(stripped), "UTC")
    except ValueError:
        expected = "a time such as 2026-12-02T06:00:00Z, or 2h, now-6h, 30d"
        raise ConfigError(f"{flag}: expected {expected}, got {text!r}") from None
