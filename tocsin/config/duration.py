"""Durations as people write them: `90s`, `15m`, `3h30m`, `14d`."""

from __future__ import annotations

import re

UNITS_MS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
PATTERN = r"^(?:[0-9]+w)?(?:[0-9]+d)?(?:[0-9]+h)?(?:[0-9]+m)?(?:[0-9]+s)?(?:[0-9]+ms)?$"
FORM = re.compile(PATTERN)
PIECE = re.compile(r"([0-9]+)(ms|[wdhms])")
MOST_MS = 3_660 * UNITS_MS["d"]  # ten years


def parse_duration(value: object) -> int:
    """Milliseconds of a duration text; ValueError says what a duration looks like.

    >>> parse_duration("3h30m")
    12600000
    """
    if not isinstance(value, str):
        raise ValueError(f"a duration needs a unit, for example 90s, 15m or 3h30m, got {value!r}")
    text = value.strip()
    if not text or not FORM.fullmatch(text):
        hint = (
            "a duration needs a unit"
            if text.isdigit()
            else "expected a duration in w, d, h, m, s and ms, in this order"
        )
        raise ValueError(f"{hint}, for example 90s, 15m or 3h30m, got {value!r}")
    if len(text) > 40:
        raise ValueError("a duration has at most 40 characters")
    total = sum(int(number) * UNITS_MS[unit] for number, unit in PIECE.findall(text))
    if total > MOST_MS:
        raise ValueError(f"{value!r} is longer than ten years")
    return total


def format_duration(duration_ms: int) -> str:
    """The shortest text for it.

    >>> format_duration(12_600_000)
    '3h30m'
    """
    pieces, rest = [], duration_ms
    for unit, size in UNITS_MS.items():
        if unit == "w":
            continue  # people count days
        count, rest = divmod(rest, size)
        if count:
            pieces.append(f"{count}{unit}")
    return "".join(pieces) or "0s"
