"""A lattice of 18 cuboid levels of about as many rows as wanted, and the counts that arrive in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detector.frame import Key
from detector.schema import Dimension, Independence, Metric, Parent, Schema
from detector.series import SeriesIndex

DEVICES, FAMILIES = 24, 6
REGIONS_A_CONTINENT = 8
SCATTERED_TICKS = 15  # a scattered deviation lasts this long
SLABS, SCATTERED = 0.0025, 0.004  # shares of leaves that slabs hold, of rows that scattered leaves hold in an episode
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
        (99200, 1002540)
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

    Half of the share are slabs: one family in one region after the other, 60 % down until the end. The other half are
    single leaves, a fresh handful every tick, up threefold or down to a fifth for a quarter of an hour; a row leaves
    its episode half an hour after. Seeded: equal arguments give equal counts.
    """

    index: SeriesIndex
    sizes: Sizes
    seed: int = 1
    mean: NDArray[np.float64] = field(init=False)  # (S,) expected a tick, leaves and roll-ups
    leaves: NDArray[np.int64] = field(init=False)  # (L,)
    _factor: NDArray[np.float64] = field(init=False)  # (L,) of the deviations that are on
    _slabs: NDArray[np.int64] = field(init=False)  # indices into leaves
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
        self._slabs = self._choose_slabs()

    def _choose_slabs(self) -> NDArray[np.int64]:
        """Leaves of one family in one region, in as many regions as their share of the leaves takes."""
        lattice = self.index.lattice()
        families = self.index.parent_codes(0, 0)[lattice.codes[0, self.leaves]]
        regions = lattice.codes[1, self.leaves]
        wanted, out = SLABS * len(self.leaves), np.zeros(0, np.int64)
        for number, region in enumerate(np.unique(regions)):
            family = np.unique(families)[number % FAMILIES]
            slab = np.flatnonzero((regions == region) & (families == family))
            if len(out) + len(slab) / 2 > wanted:
                break
            out = np.concatenate([out, slab])
        return out

    def start_deviations(self) -> None:
        """From the next tick on something is wrong."""
        self._factor[self._slabs] = 0.4

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
        stay = SCATTERED_TICKS + 30  # ticks that a row is in its episode
        fresh = max(1, round(SCATTERED * len(self.mean) / stay))
        calm = np.flatnonzero(self._factor == 1.0)
        chosen = self._generator.choice(calm, min(fresh, len(calm)), replace=False)
        self._factor[chosen] = np.where(self._generator.random(len(chosen)) < 0.5, 3.0, 0.2)
        self._running = [*on, (SCATTERED_TICKS, chosen)]
