"""The knobs of the simulated world; the defaults are a service of 2,400 leaves watched for nine weeks."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Literal

from connectors.simulation.geography import Geography, make_geography
from connectors.simulation.truth import Event, IncidentPlan
from detector.errors import ConfigError

MONDAY_MS = 1_767_571_200_000  # 2026-01-05T00:00Z
MINUTES_PER_DAY = 1440

Situation = Literal["anticipated", "low_impact", "high_impact", "incident", "gap", "stale_witness"]


@dataclass(frozen=True, slots=True)
class Volume:
    """Mean requests per leaf and minute: lognormal, sd of the log per level."""

    median_leaf: float = 6.0  # counts a minute
    region_sd: float = 1.1
    device_sd: float = 1.2
    cell_sd: float = 0.45  # device in a region
    leaf_sd: float = 0.2
    witness: float = 8_000.0  # counts a minute of a witness
    night_floor: float = 0.25  # of the daily shape; higher makes nights busier


@dataclass(frozen=True, slots=True)
class Noise:
    """Standard deviations of the log mean; time constants are in the comments; `scale` multiplies them all."""

    region: float = 0.04  # 8 h
    region_day: float = 0.03  # 24 h
    world: float = 0.015  # 10 h
    device_walk: float = 0.006  # per day
    device_region: float = 0.02  # 6 h
    leaf: float = 0.015  # 1 h
    white: float = 0.012
    burst: float = 4.0  # factor on white noise, with probability .03, in a quarter of the leaves
    unevenness: float = 0.5  # sd of the log factor of a leaf on the last three
    witness: float = 0.03  # 5 h
    witness_share: float = 0.4  # part of the regional noise that witnesses have too
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Rates:
    """How often each situation occurs; 0 switches it off."""

    matches_per_week: float = 4.0
    exclusives_per_week: float = 1.0
    launches_per_week: float = 0.5
    low_impact_per_region_week: float = 1.5
    high_impact_per_week: float = 2.8
    incidents_per_day: float = 6.0
    gaps_per_leaf_day: float = 0.1
    stale_days: float = 0.3  # share of days on which one witness is stale for 1-7 h
    absent_witnesses: float = 0.07
    calendar_missing: float = 0.08
    calendar_moved: float = 0.08
    history: float = 0.0  # factor on incidents and high impact before `history_days`

    def only(self, *situations: Situation) -> Rates:
        """The same rates with every situation that is not named switched off."""
        knobs: dict[Situation, tuple[str, ...]] = {
            "anticipated": ("matches_per_week", "exclusives_per_week", "launches_per_week"),
            "low_impact": ("low_impact_per_region_week",),
            "high_impact": ("high_impact_per_week",),
            "incident": ("incidents_per_day",),
            "gap": ("gaps_per_leaf_day",),
            "stale_witness": ("stale_days", "absent_witnesses"),
        }
        for situation in situations:
            if situation not in knobs:
                raise ConfigError(f"situations: no such situation {situation!r}, expected one of {', '.join(knobs)}")
        off = {knob: 0.0 for situation, names in knobs.items() if situation not in situations for knob in names}
        return replace(self, **off)


@dataclass(frozen=True, slots=True)
class WorldParameters:
    """Everything that makes a world; equal parameters make equal bytes on one installation."""

    seed: int = 7
    start_ms: int = MONDAY_MS
    minutes: int = 63 * MINUTES_PER_DAY
    history_days: float = 28.0  # incidents and high-impact events begin after it
    geography: Geography = field(default_factory=make_geography)
    volume: Volume = Volume()
    noise: Noise = Noise()
    rates: Rates = Rates()
    elasticity: float = 1.0  # factor on how far witnesses follow events
    forced_overlap: bool = False  # every incident starts inside a high-impact event of its region
    clock_minute: int | None = None  # minute of the week (Monday 00:00 UTC) that minute 0 counts as; None: the true one
    events: tuple[Event, ...] = ()  # scripted, beside the random ones
    incidents: tuple[IncidentPlan, ...] = ()  # scripted, beside the random ones

    def __post_init__(self) -> None:
        if self.minutes < 1:
            raise ConfigError(f"world.minutes: expected at least 1, got {self.minutes}")
        if self.start_ms % 60_000:
            raise ConfigError(f"world.start_ms: expected a whole minute in ms, got {self.start_ms}")
        if self.seed < 0:
            raise ConfigError(f"world.seed: expected a number >= 0, got {self.seed}")
        for part, name in ((self.volume, "volume"), (self.noise, "noise"), (self.rates, "rates")):
            for knob in fields(part):
                if not getattr(part, knob.name) >= 0:
                    raise ConfigError(
                        f"world.{name}.{knob.name}: expected a number >= 0, got {getattr(part, knob.name)}"
                    )
        if self.forced_overlap and self.rates.incidents_per_day and not self.rates.high_impact_per_week:
            raise ConfigError("world.forced_overlap: expected rates.high_impact_per_week above 0, got 0")

    @property
    def end_ms(self) -> int:
        """End of the last minute, excluded."""
        return self.start_ms + self.minutes * 60_000
