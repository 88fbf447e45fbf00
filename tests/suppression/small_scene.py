"""A small lattice of two families, three regions: rows by their labels, candidates, and what a rule may look at."""

from __future__ import annotations

import numpy as np

from detector.frame import Key
from detector.schema import MINUTE_MS, Dimension, Metric, Parent, Schema
from detector.series import SeriesIndex
from detector.timing import Timing
from suppression.candidate import Candidate
from suppression.controls import Controls
from suppression.impact import Effects
from suppression.suppressor import Scene

SCHEMA = Schema(
    dimensions=(
        Dimension("device", (Parent("family", {"tv": ("tv-*",), "phone": ("phone-*",)}),)),
        Dimension("region"),
    ),
    metrics=(Metric("requests", kind="count"),), place="region", interval_ms=MINUTE_MS,
)  # fmt: skip
KEYS: list[Key] = [
    ("requests", f"{family}-{i}", region)
    for family in ("phone", "tv")
    for i in (1, 2, 3)
    for region in ("eu", "jp", "na")
]
INDEX = SeriesIndex(SCHEMA)
INDEX.admit(KEYS)
LATTICE = INDEX.lattice()


def row(**cuboid: str) -> int:
    wanted = {name.replace("_", "."): value for name, value in cuboid.items()}
    return next(r for r in range(LATTICE.size) if INDEX.cuboid(r) == wanted)


def scene(
    moved: dict[int, float],
    candidates: list[Candidate],
    z: dict[int, float] | None = None,
    effects: Effects | None = None,
) -> Scene:
    """Log deviations, and z, of some rows on all horizons; the others stand still."""
    deviation = np.zeros((3, LATTICE.size))
    for r, by in moved.items():
        deviation[:, r] = by
    none = np.zeros(LATTICE.size)
    sizes = np.zeros((3, LATTICE.size))
    for r, by in (moved if z is None else z).items():
        sizes[:, r] = by
    return Scene(
        t_ms=0, timing=Timing(MINUTE_MS), index=INDEX, lattice=LATTICE, controls=Controls(),
        effects=effects or Effects(),
        threshold=7.0, z=sizes, deviation=deviation, raw_deviation=deviation[0], residual=none, contrast=none,
        testimony=none, is_coupled=none > 0, age=none.astype(np.int64), candidates=candidates,
    )  # fmt: skip


def candidate(r: int, minute: int = 0, sign: int = 1, fused: float = 9.0, state: str = "pending") -> Candidate:
    return Candidate(
        f"{r}-{minute}-{state}", r, r, sign, 0, minute * MINUTE_MS, fused=fused, state=state, is_weak=False
    )  # type: ignore[arg-type]
