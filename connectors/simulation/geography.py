"""Where and on what people use the simulated service: devices, regions, activities, and the stacks beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from detector.errors import ConfigError
from detector.frame import Key
from detector.schema import Dimension, Independence, Metric, Parent, Schema

WATCHED = "requests"
WATCHED_STACK = "client"
MOBILE_FAMILIES = frozenset({"phone", "tablet"})  # they live on through a power cut, at half its effect

Where = tuple[tuple[str, tuple[str, ...]], ...]  # (dimension or dimension.parent, allowed values); all must hold


@dataclass(frozen=True, slots=True)
class Device:
    name: str
    family: str


@dataclass(frozen=True, slots=True)
class Region:
    name: str
    continent: str
    offset_hours: float  # local time less UTC; fixed, the world keeps no summer time


@dataclass(frozen=True, slots=True)
class Activity:
    name: str
    share: float  # of all requests of a device in a region


@dataclass(frozen=True, slots=True)
class Stack:
    """An independent stack with one metric a region; `elasticity` is its part of a slow outside change (log scale)."""

    name: str
    metric: str
    unit: str
    elasticity: float


FAMILIES: Mapping[str, int] = {"phone": 8, "tv": 4, "browser": 4, "tablet": 4, "console": 2, "stick": 2}
CONTINENTS: Mapping[str, int] = {"na": 3, "eu": 8, "as": 5, "sa": 2, "oc": 2}
ZONES: Mapping[str, tuple[float, ...]] = {
    "na": (-5, -6, -8),
    "eu": (0, 1, 1, 1, 1, 2, 2, 3),
    "as": (5.5, 7, 8, 9, 9),
    "sa": (-3, -4),
    "oc": (10, 12),
}
ACTIVITIES = (
    Activity("sign-in", 0.12),
    Activity("browse", 0.40),
    Activity("search", 0.10),
    Activity("play", 0.35),
    Activity("purchase", 0.03),
)
STACKS = (
    Stack("cdn", "cdn_bytes", "MB", 0.30),
    Stack("dns", "dns_queries", "", 0.10),
    Stack("power", "grid_load", "MW", 0.35),
)


@dataclass(frozen=True, slots=True)
class Geography:
    """The product of devices, regions and activities; leaf rows run device-major, then region, then activity."""

    devices: tuple[Device, ...]
    regions: tuple[Region, ...]
    activities: tuple[Activity, ...] = ACTIVITIES
    stacks: tuple[Stack, ...] = STACKS

    def __post_init__(self) -> None:
        for field, found in (("devices", self.devices), ("regions", self.regions), ("activities", self.activities)):
            names = [item.name for item in found]
            if not names:
                raise ConfigError(f"geography.{field}: expected at least one, got none")
            if len(set(names)) != len(names):
                raise ConfigError(f"geography.{field}: expected names that differ, got {', '.join(names)}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(devices, regions, activities)."""
        return len(self.devices), len(self.regions), len(self.activities)

    def watched_leaves(self) -> list[Key]:
        """Keys (metric, device, region, activity) of the watched leaves, in row order."""
        return [(WATCHED, d.name, r.name, a.name) for d in self.devices for r in self.regions for a in self.activities]

    def witness_leaves(self) -> list[Key]:
        """Keys of the witnesses, region-major; the dimensions that they lack are empty."""
        return [(s.metric, "", r.name, "") for r in self.regions for s in self.stacks]

    def schema(self) -> Schema:
        """What an operator of this service would declare."""
        families = {d.family: (f"{d.family}-*",) for d in self.devices}
        continents = {r.continent: (f"{r.continent}-*",) for r in self.regions}
        dimensions = (
            Dimension("device", (Parent("family", families),), tuple(d.name for d in self.devices)),
            Dimension("region", (Parent("continent", continents),), tuple(r.name for r in self.regions)),
            Dimension("activity", (), tuple(a.name for a in self.activities)),
        )
        watched = Metric(WATCHED, stack=WATCHED_STACK, kind="count")
        witnesses = tuple(
            Metric(s.metric, role="witness", stack=s.name, kind="count", unit=s.unit, dimensions=("region",))
            for s in self.stacks
        )
        testimony = tuple(Independence(WATCHED_STACK, s.name, ("region",)) for s in self.stacks)
        return Schema(dimensions=dimensions, metrics=(watched, *witnesses), independence=testimony)

    def rows(self, where: Where) -> list[int]:
        """Rows of the watched leaves that satisfy every condition of `where`; errors name an unknown dimension."""
        attributes = {
            "device": [d.name for d in self.devices],
            "device.family": [d.family for d in self.devices],
            "region": [r.name for r in self.regions],
            "region.continent": [r.continent for r in self.regions],
            "activity": [a.name for a in self.activities],
        }
        allowed = {"device": set(range(self.shape[0])), "region": set(range(self.shape[1]))}
        allowed["activity"] = set(range(self.shape[2]))
        for name, values in where:
            if name not in attributes:
                raise ConfigError(f"where.{name}: expected one of {', '.join(attributes)}")
            for value in values:
                if value not in attributes[name]:
                    raise ConfigError(f"where.{name}: no such value {value!r}, expected one of {attributes[name]}")
            allowed[name.split(".")[0]] &= {i for i, own in enumerate(attributes[name]) if own in values}
        _, n_regions, n_activities = self.shape
        return [
            (d * n_regions + r) * n_activities + a
            for d in sorted(allowed["device"])
            for r in sorted(allowed["region"])
            for a in sorted(allowed["activity"])
        ]


def make_geography(
    families: Mapping[str, int] = FAMILIES,
    continents: Mapping[str, int] = CONTINENTS,
    activities: tuple[Activity, ...] = ACTIVITIES,
    stacks: tuple[Stack, ...] = STACKS,
) -> Geography:
    """A geography from sizes: `{"phone": 8}` gives phone-1 … phone-8; unknown continents get UTC."""
    devices = tuple(Device(f"{family}-{i + 1}", family) for family, n in families.items() for i in range(n))
    regions = []
    for continent, n in continents.items():
        zones = ZONES.get(continent, (0.0,))
        regions += [Region(f"{continent}-{i + 1}", continent, zones[i % len(zones)]) for i in range(n)]
    return Geography(devices, tuple(regions), activities, stacks)
