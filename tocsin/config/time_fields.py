"""Times, zones and scopes as calendar and silence files write them."""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import lru_cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import BeforeValidator, WithJsonSchema

from suppression.scope import Scope
from suppression.wall import ms_to_wall, wall_to_ms
from tocsin.config.fields import MAX_PATTERN, inside
from tocsin.config.node import describe, did_you_mean

TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(Z|[+-]\d\d:\d\d)?)?")
KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?")
FIRST_YEAR, LAST_YEAR = 1950, 2200
SELECTOR_KEYS = ("any", "not")


def parse_time(value: object) -> datetime:
    """A date (its midnight) or a time, naive if no offset is given; ValueError says what a time looks like.

    >>> parse_time("2026-10-15T20:15")
    datetime.datetime(2026, 10, 15, 20, 15)
    """
    match = TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"expected a time such as 2026-10-15T20:15 or a date, got {describe(value)}")
    try:
        day = date.fromisoformat(match[1])
        time = datetime.fromisoformat(f"{match[1]}T{match[2] or '00:00'}{match[3] or ''}")
    except ValueError as error:
        raise ValueError(f"{value!r} is no time: {error}") from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"expected a year from {FIRST_YEAR} to {LAST_YEAR}, got {value!r}")
    return time


def is_date(value: object) -> bool:
    """Was only a day given?"""
    return isinstance(value, str) and len(value.strip()) == 10


def to_wall(time: datetime, zone: str) -> datetime:
    """Naive wall time in `zone`; a time with an offset is converted, its fold kept."""
    if time.tzinfo is None:
        return time
    return ms_to_wall(to_ms(time, zone), zone)


def to_ms(time: datetime, zone: str) -> int:
    """UTC milliseconds; a naive time is read in `zone`."""
    return wall_to_ms(time, zone) if time.tzinfo is None else round(time.timestamp() * 1000)


def check_zone(value: object) -> str:
    """The name of a time zone; ValueError with a near one if it is none."""
    zones = _zones()
    if not isinstance(value, str):
        raise ValueError(f"expected a time zone such as Europe/Berlin, got {describe(value)}")
    if value not in zones:
        exact = next((zone for zone in zones if zone.lower() == value.lower()), None)
        hint = f"; did you mean {exact!r}?" if exact else did_you_mean(value, list(zones))
        raise ValueError(f"unknown time zone {value!r}{hint or '; expected a name such as Europe/Berlin or UTC'}")
    return value


@lru_cache(maxsize=1)
def _zones() -> tuple[str, ...]:
    return tuple(sorted(zone for zone in available_timezones() if "/" in zone or zone in ("UTC", "GMT")))


def _time(value: object) -> tuple[datetime, bool]:
    return parse_time(value), is_date(value)


def _times(value: object) -> object:
    return tuple(value) if isinstance(value, list) else (value,)


def parse_scope(value: object) -> Scope:
    """A scope from `{region: [us-*, ca], device: {not: [automotive]}}`, or `{all: true}`."""
    if not isinstance(value, dict):
        raise ValueError(f"expected labels with patterns such as {{region: [us-*]}}, got {describe(value)}")
    if value.get("all") is True and len(value) == 1:
        return Scope()
    if not value:
        raise ValueError("an empty scope is everything; write {all: true} if that is meant")
    match: dict[str, tuple[str, ...]] = {}
    exclude: dict[str, tuple[str, ...]] = {}
    for key, selector in value.items():
        if not isinstance(key, str) or not KEY.fullmatch(key) or key == "all":
            raise ValueError(f"expected metric, a dimension or dimension.parent, got {describe(key)}")
        if isinstance(selector, dict):
            unknown = sorted(set(selector) - set(SELECTOR_KEYS))
            if unknown or not selector:
                raise inside(((key,), f"expected a pattern, a list of patterns, or any and not, got {selector}"))
            if "any" in selector:
                match[key] = _patterns(key, selector["any"])
            if "not" in selector:
                exclude[key] = _patterns(key, selector["not"])
        else:
            match[key] = _patterns(key, selector)
    return Scope(match, exclude)


def _patterns(key: str, value: object) -> tuple[str, ...]:
    patterns = value if isinstance(value, list) else [value]
    if not patterns:
        raise inside(((key,), "expected at least one pattern, got an empty list"))
    for pattern in patterns:
        if not isinstance(pattern, str) or not 1 <= len(pattern) <= MAX_PATTERN:
            hint = "; put it in quotes" if isinstance(pattern, (bool, int, float)) else ""
            reason = f"expected a pattern of 1 to {MAX_PATTERN} characters, got {describe(pattern)}{hint}"
            raise inside(((key,), reason))
    return tuple(patterns)


_TEXTS: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
_SCOPE: dict[str, Any] = {
    "type": "object",
    "minProperties": 1,
    "properties": {"all": {"const": True}},
    "additionalProperties": {
        "anyOf": [
            *_TEXTS["anyOf"],
            {
                "type": "object",
                "properties": dict.fromkeys(SELECTOR_KEYS, _TEXTS),
                "additionalProperties": False,
                "minProperties": 1,
            },
        ]
    },
}
_TIME = {"type": "string", "pattern": f"^{TIME.pattern.replace('(?:', '(')}$", "examples": ["2026-10-15T20:15"]}
Zone = Annotated[str, BeforeValidator(check_zone), WithJsonSchema({"type": "string", "examples": ["Europe/Berlin"]})]
Time = Annotated[datetime, BeforeValidator(parse_time), WithJsonSchema(_TIME)]
TimeOrDate = Annotated[tuple[datetime, bool], BeforeValidator(_time), WithJsonSchema(_TIME)]  # and: only a day given
Times = Annotated[tuple[Time, ...], BeforeValidator(_times), WithJsonSchema({"type": "array", "items": _TIME})]
ScopeField = Annotated[Scope, BeforeValidator(parse_scope), WithJsonSchema(_SCOPE)]
