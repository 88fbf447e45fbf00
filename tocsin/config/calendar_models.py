"""Models of `calendar.yaml` and `silences.yaml`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from tocsin.config.duration import parse_duration
from tocsin.config.fields import DURATION_SCHEMA, DURATION_TEXT, AsTuple, Model, Patterns, PositiveDuration, inside
from tocsin.config.models import Version
from tocsin.config.node import describe
from tocsin.config.time_fields import ScopeField, Time, TimeOrDate, Times, Zone

PERCENT = r"([+-]?\d{1,5}(?:\.\d{1,4})?)\s*%"
CHANGE = re.compile(rf"\s*{PERCENT}\s*\.\.\s*{PERCENT}\s*")
ID = r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$"
MAX_EDGE_MS = 31 * 86_400_000


def parse_change(value: object) -> tuple[float, float]:
    """Relative change against what was expected without the event.

    >>> parse_change("-60%..-10%")
    (-0.6, -0.1)
    """
    match = CHANGE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"expected two percentages such as 20%..150%, got {describe(value)}")
    low, high = float(match[1]), float(match[2])
    if low > high:
        raise ValueError(f"the lower end {match[1]}% is above the upper end {match[2]}%")
    if low < -100:
        raise ValueError(f"nothing falls by more than 100%, got {match[1]}%")
    return low / 100, high / 100


def _edge(value: object) -> int:
    duration = parse_duration(value)
    if duration > MAX_EDGE_MS:
        raise ValueError(f"expected at most 31d, got {value!r}")
    return duration


Change = Annotated[
    tuple[float, float],
    BeforeValidator(parse_change),
    WithJsonSchema({"type": "string", "pattern": "%.*[.][.].*%", "examples": ["20%..150%"]}),
]
Edge = Annotated[int, BeforeValidator(_edge), DURATION_TEXT, DURATION_SCHEMA]  # ms
Scalar = str | int | float | bool


class CalendarPart(Model):
    """A part of a calendar; values of its own types are allowed."""

    model_config = ConfigDict(arbitrary_types_allowed=True)


class WhenModel(CalendarPart):
    """When it happens: wall time in a zone, elapsed duration or wall end, and how it repeats."""

    start: TimeOrDate
    end: TimeOrDate | None = None
    duration: PositiveDuration | None = None
    timezone: Zone | None = None
    repeat: str | None = Field(default=None, min_length=1, max_length=500)
    except_: Times = Field(default=(), alias="except")
    lead: Edge = 0
    tail: Edge = 0
    fold: Literal["first", "second"] = "first"

    @model_validator(mode="after")
    def _ends_once(self) -> WhenModel:
        faults: list[tuple[tuple[str | int, ...], str]] = []
        if self.end is not None and self.duration is not None:
            faults.append((("duration",), "end and duration exclude each other"))
        if self.end is None and self.duration is None and not self.start[1]:
            faults.append(((), "expected a duration or an end; only a start that is a date lasts a day by itself"))
        if self.except_ and self.repeat is None:
            faults.append((("except",), "has no meaning without repeat"))
        if faults:
            raise inside(*faults)
        return self


class ExpectModel(CalendarPart):
    """What the event does to the values; outside of it an alarm is raised all the same."""

    direction: Literal["up", "down", "either", "unknown"] | None = None  # default: as the change says, else unknown
    change: Change | None = None

    @model_validator(mode="after")
    def _direction_fits(self) -> ExpectModel:
        if self.change is not None and (
            (self.direction == "up" and self.change[1] <= 0) or (self.direction == "down" and self.change[0] >= 0)
        ):
            raise inside((("change",), f"the change never goes {self.direction}, which is the direction"))
        return self


class EffectModel(CalendarPart):
    """What events and holidays have in common: where, what is expected, what is done and learnt."""

    scope: ScopeField | None = None
    expect: ExpectModel = ExpectModel()
    action: Literal["explain", "covariate", "mute"] = "explain"
    learn: Literal["normal", "event-only", "freeze"] = "event-only"
    class_: str | None = Field(default=None, alias="class", min_length=1, max_length=256)
    approved_by: str | None = Field(default=None, min_length=1, max_length=256)
    expires: Time | None = None
    owner: str | None = None
    tags: dict[str, Scalar] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _mute_is_approved(self) -> EffectModel:
        if self.action == "mute":
            missing = [name for name in ("approved_by", "expires") if getattr(self, name) is None]
            faults: list[tuple[tuple[str | int, ...], str]] = []
            if missing:
                faults.append((("action",), f"mute needs {' and '.join(missing)}"))
            if self.scope is None:
                faults.append((("action",), "mute needs a scope; {all: true} mutes everything"))
            if faults:
                raise inside(*faults)
        return self


class EventModel(EffectModel):
    """One event of the calendar."""

    id: str = Field(pattern=ID)
    title: str | None = Field(default=None, min_length=1, max_length=256)
    when: WhenModel


class HolidaysModel(EffectModel):
    """Holidays of a country, each a whole local day; `names` picks some by pattern."""

    id: str | None = Field(default=None, pattern=ID)
    country: str = Field(pattern=r"^[A-Z]{2,3}$")
    subdivision: str | None = None
    categories: Annotated[tuple[str, ...], AsTuple, Field(min_length=1)] = ("public",)
    names: Patterns | None = None
    timezone: Zone | None = None
    lead: Edge = 0
    tail: Edge = 0


class CalendarFileModel(CalendarPart):
    """The whole of `calendar.yaml`."""

    version: Version
    timezone: Zone | None = None
    owner: str | None = None
    events: Annotated[tuple[EventModel, ...], AsTuple] = ()
    holidays: Annotated[tuple[HolidaysModel, ...], AsTuple] = ()


class SilenceModel(CalendarPart):
    """One silence: what, until when, by whom and why."""

    id: str | None = Field(default=None, pattern=ID)
    match: ScopeField
    since: Time | None = None
    until: Time
    by: str = Field(min_length=1, max_length=256)
    why: str = Field(min_length=1, max_length=1_000)

    @model_validator(mode="after")
    def _times_have_zones(self) -> SilenceModel:
        times: dict[str, Any] = {"since": self.since, "until": self.until}
        faults: list[tuple[tuple[str | int, ...], str]] = [
            ((name,), "expected a time with Z or an offset, such as 2026-12-02T06:00:00Z")
            for name, time in times.items()
            if time is not None and time.tzinfo is None
        ]
        if not faults and self.since is not None and self.until <= self.since:
            faults.append((("until",), "is not after since"))
        if faults:
            raise inside(*faults)
        return self


class SilencesFileModel(CalendarPart):
    """The whole of `silences.yaml`."""

    version: Version
    silences: Annotated[tuple[SilenceModel, ...], AsTuple] = ()
