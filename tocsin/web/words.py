"""Numbers, times and reasons as a person reads them at three in the morning."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from suppression.reasons import End, EventType, Reason

NOTHING = "–"
REASON_TEXT: dict[Reason, str] = {
    "calendar": "a calendar event explains it",
    "mute": "an approved event mutes it",
    "silence": "a person silenced it",
    "low_impact": "slow and small: people do something else, nothing broke",
    "agreement": "the scorers do not agree",
    "stack": "independent metrics of the same place moved too",
    "part_of": "it is part of a wider alarm",
}
REASON_NOT: dict[Reason, str] = {
    "calendar": "no calendar event explains it",
    "mute": "no approved event mutes it",
    "silence": "nobody silenced it",
    "low_impact": "too sudden or too large for a change of habits",
    "agreement": "the scorers agree enough",
    "stack": "independent metrics of the same place do not show it",
    "part_of": "no wider alarm contains it",
}
END_TEXT: dict[End, str] = {
    "recovered": "back to normal",
    "adapted": "lasted so long that it became the new normal",
    "withdrawn": "closed by a person as not real",
    "series_gone": "the series stopped",
}
EVENT_TEXT: dict[EventType, str] = {
    "fired": "people were told",
    "updated": "changed",
    "held": "held back, nobody was told",
    "released": "let go, people were told",
    "resolved": "ended",
}


def number(value: object) -> str:
    """Four digits, thousands apart.

    >>> number(1113.4), number(0.02345), number(None)
    ('1,113', '0.02345', '–')
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return NOTHING
    size = abs(value)
    if size >= 1000:
        return minus(f"{value:,.0f}")
    return minus(f"{value:.4g}" if size >= 0.001 or value == 0 else f"{value:.2g}")


def score(value: object) -> str:
    """A surprise with its sign, one decimal.

    >>> score(-12.34)
    '−12.3'
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return NOTHING
    return minus(f"{value:+.1f}")


def deviation(observed: object, expected: object) -> float | None:
    """(observed - expected) / |expected|, None where it says nothing."""
    if not isinstance(observed, (int, float)) or not isinstance(expected, (int, float)) or not expected:
        return None
    ratio = (observed - expected) / abs(expected)
    return ratio if math.isfinite(ratio) else None


def change_of(body: Mapping[str, Any]) -> float | None:
    """The relative deviation that an alarm's body states, else that of its numbers."""
    stated = body.get("deviation")
    if isinstance(stated, (int, float)):
        return float(stated)
    return deviation(body.get("observed"), body.get("expected"))


def percent(ratio: object) -> str:
    """A relative change with its sign.

    >>> percent(-0.63), percent(0.054), percent(12.0)
    ('−63%', '+5.4%', '+1,200%')
    """
    if isinstance(ratio, bool) or not isinstance(ratio, (int, float)) or not math.isfinite(ratio):
        return NOTHING
    hundredfold = ratio * 100
    return minus(f"{hundredfold:+.1f}%" if abs(hundredfold) < 9.95 else f"{hundredfold:+,.0f}%")


def minus(text: str) -> str:
    """A true minus sign, which is as wide as a plus."""
    return text.replace("-", "−")


def duration(ms: int) -> str:
    """An elapsed time in its two largest units.

    >>> duration(4 * 60_000), duration(3_900_000), duration(200_000_000)
    ('4 min', '1 h 5 min', '2 d 7 h')
    """
    minutes = max(ms, 0) // 60_000
    if minutes < 1:
        return f"{max(ms, 0) // 1000} s"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def clock(ms: int | None, now_ms: int) -> str:
    """The time of day in UTC, with the date unless it is today's."""
    if ms is None:
        return NOTHING
    moment, today = datetime.fromtimestamp(ms / 1000, UTC), datetime.fromtimestamp(now_ms / 1000, UTC)
    if moment.date() == today.date():
        return f"{moment:%H:%M} UTC"
    year = f" {moment:%Y}" if moment.year != today.year else ""
    return f"{moment.day} {moment:%b}{year} {moment:%H:%M} UTC"


def safe_link(url: object) -> str | None:
    """The address if a browser may follow it: absolute http or https without control characters, else None.

    >>> safe_link("https://runbooks.example.org/x"), safe_link("javascript:alert(1)"), safe_link("//evil")
    ('https://runbooks.example.org/x', None, None)
    """
    if not isinstance(url, str) or len(url) > 2000 or any(ord(c) <= 32 or ord(c) == 127 or c in "\\\"'<>" for c in url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.hostname else None


def feed(what: Mapping[str, object]) -> str:
    """What is missing as a whole.

    >>> feed({"stack": "host", "metrics": ["cpu", "load"], "series": 4})
    'cpu, load (stack host); 4 series were due'
    """
    metrics = what.get("metrics")
    names = ", ".join(map(str, metrics)) if isinstance(metrics, list) else ""
    stack = f" (stack {what['stack']})" if what.get("stack") else ""
    return f"{names}{stack}; {what.get('series')} series were due"
