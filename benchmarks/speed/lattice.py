"""A lattice of 18 cuboid levels of about as many rows as wanted, and the counts that arrive in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detector.frame import Key
from detector.schema import Dimension, Independence, Metric, Parent, Schema
from detector.series import SeriesIndex

DEVICES, FAMILIES = 24, 6
REGIONS_A_CONTINENT = 8
SCATTERED_TICKS = 15  # a scattered deviation lasts this long
STAY_TICKS = 150  # about as long its leaf stays in its episode, for the longest horizon remembers it
SLABS, SCATTERED = 0.005, 0.002  # shares of leaves in slabs, of rows that scattered leaves keep in an episode
METRIC = "requests"


@dataclass(frozen=True, slots=True)
class Sizes:
    """Values per dimension; rows = (24 + 6 + 1) (regions + continents + 1) (activities + 1)."""

    regions: int
    continents: int
    activities: int

    @property
    def rows(self) -> int:
        return (DEVICES + FAMILIES + 1) * (self.regions + self.continents + 1) * (self.activities + 1)

    @classmethod
    def of(cls, rows: int) -> Sizes:
        """Sizes with about `rows` rows, regions and activities in the ratio of 3 to 4 at 10^6.

        >>> Sizes.of(100_000).rows, Sizes.of(1_000_000).rows
        (99603, 998200)
        """
        places = max(4, round((rows / (DEVICES + FAMILIES + 1) / 1.25) ** 0.5))
        continents = max(1, round((places - 1) / (REGIONS_A_CONTINENT + 1)))
        activities = max(2, round(rows / (DEVICES + FAMILIES + 1) / places) - 1)
        return cls(places - 1 - continents, continents, activities)


def schema(sizes: Sizes, *, with_witness: bool = False) -> Schema:
    """Device with family × region with continent × activity; optionally an independent metric per region."""
    metrics: tuple[Metric, ...] = (Metric(METRIC, stack="application", kind="count"),)
    independence: tuple[Independence, ...] = ()
    if with_witness:
        metrics += (Metric("lookups", role="witness", stack="dns", kind="count", dimensions=("region",)),)
        independence = (Independence("application", "dns"),)
    families = {f"f{f}": tuple(f"d{d}" for d in range(DEVICES) if d % FAMILIES == f) for f in range(FAMILIES)}
    continents = {
        f"c{c}": tuple(f"r{r}" for r in range(sizes.regions) if r % sizes.continents == c)
        for c in range(sizes.continents)
    }
    return Schema(
        (
            Dimension("device", (Parent("family", families),)),
            Dimension("region", (Parent("continent", continents),)),
            Dimension("activity"),
        ),
        metrics,
        place="region",
        independence=independence,
        max_series=10_000_000,
    )


def keys(sizes: Sizes, *, with_witness: bool = False) -> list[Key]:
    """All leaves, sharing their texts as samples that a codec has interned do."""
    devices = [f"d{d}" for d in range(DEVICES)]
    regions = [f"r{r}" for r in range(sizes.regions)]
    activities = [f"a{a}" for a in range(sizes.activities)]
    out: list[Key] = [(METRIC, d, r, a) for d in devices for r in regions for a in activities]
    if with_witness:
        out += [("lookups", "", r, "") for r in regions]
    return out


@dataclass(slots=True)
class Traffic:
    """Counts of every leaf, tick by tick, with deviations that keep about 1 % of the rows in an episode.

    Most of the share are slabs: one device in one region after the other, 60 % down until the end. The others are
    single leaves, a few more every tick, up threefold or down to a fifth for a quarter of an hour. Roll-ups follow
    where they may. Seeded: equal arguments give equal counts.
    """

    index: SeriesIndex
    sizes: Sizes
    seed: int = 1
    mean: NDArray[np.float64] = field(init=False)  # (S,) expected a tick, leaves and roll-ups
    leaves: NDArray[np.int64] = field(init=False)  # (L,)
    _factor: NDArray[np.float64] = field(init=False)  # (L,) of the deviations that are on
    _slabs: Iterator[NDArray[np.int64]] = field(init=False)  # indices into leaves
    _running: list[tuple[int, NDArray[np.int64]]] = field(default_factory=list)  # (ticks left, indices)
    _generator: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._generator = np.random.default_rng(self.seed)
        lattice = self.index.lattice()
        self.leaves = np.asarray(lattice.leaves, np.int64)
        self.mean = np.zeros(lattice.size)
        self.mean[self.leaves] = self._generator.lognormal(3.0, 1.0, len(self.leaves))
        lattice.sum_up(self.mean)
        self._factor = np.ones(len(self.leaves))
        self._slabs = self._order_slabs()

    def _order_slabs(self) -> Iterator[NDArray[np.int64]]:
        """Leaves of one device in one region; regions in turn, then the next device."""
        lattice = self.index.lattice()
        devices, regions = lattice.codes[0, self.leaves], lattice.codes[1, self.leaves]
        places, names = np.unique(regions), np.unique(devices)
        for turn in range(len(names)):
            for number, place in enumerate(places):
                yield np.flatnonzero((regions == place) & (devices == names[(number * 5 + turn) % len(names)]))

    def widen(self, leaves: float) -> None:
        """Takes slabs down until so many more leaves are in one."""
        while leaves > 0:
            slab = next(self._slabs, None)
            if slab is None:
                return  # everything is down
            self._factor[slab] = 0.4
            leaves -= len(slab)

    def start_deviations(self) -> None:
        """From the next tick on something is wrong: slabs, and as many single leaves as there will always be."""
        self.widen(SLABS * len(self.leaves))
        for left in range(1, SCATTERED_TICKS + 1):
            self._deviate(SCATTERED * len(self.mean) / SCATTERED_TICKS, left)

    def tick(self, shape: float, *, deviating: bool, effect: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """(S,) counts of one tick, roll-ups NaN. `shape`: time of day; `effect` (S,): factor known to the calendar."""
        if deviating:
            self._move_scattered()
        rate = self.mean[self.leaves] * shape * self._factor
        if effect is not None:
            rate *= effect[self.leaves]
        y = np.full(len(self.mean), np.nan)
        y[self.leaves] = self._generator.poisson(rate)
        return y

    def _move_scattered(self) -> None:
        on = []
        for left, chosen in self._running:
            if left > 1:
                on.append((left - 1, chosen))
            else:
                self._factor[chosen] = 1.0
        self._running = on
        self._deviate(SCATTERED * len(self.mean) / STAY_TICKS, SCATTERED_TICKS)

    def _deviate(self, count: float, left: int) -> None:
        """So many leaves more, on average, for `left` ticks."""
        calm = np.flatnonzero(self._factor == 1.0)
        number = min(int(count + self._generator.random()), len(calm))
        chosen = self._generator.choice(calm, number, replace=False)
        self._factor[chosen] = np.where(self._generator.random(number) < 0.5, 3.0, 0.2)
        self._running.append((left, chosen))
