"""Small lattices and views for the tests of the core: no engine, no files, seeded numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from detector.frame import Key
from detector.schema import MINUTE_MS, Dimension, Metric, Parent, Schema
from detector.series import Lattice, SeriesIndex
from detector.timing import Timing
from detector.view import View

MINUTES = Timing(MINUTE_MS)
NAMES = ("device", "region", "activity", "plan")


def schema_of(
    dimensions: int = 3, *, families: bool = False, metrics: Sequence[Metric] = (Metric("requests"),)
) -> Schema:
    """A schema of the first so many dimensions; devices may have families `a` and `b`."""
    parents = (Parent("family", {"a": ("a*",), "b": ("b*",)}),) if families else ()
    dims = tuple(Dimension(name, parents if name == "device" else ()) for name in NAMES[:dimensions])
    return Schema(dimensions=dims, metrics=tuple(metrics), place="region" if dimensions > 1 else None)


def grid_keys(*sizes: int, metric: str = "requests") -> list[Key]:
    """Keys of the whole product; values of dimension d are `a0`, `a1`, …, the second half `b2`, …"""
    values = [[f"{'a' if i < (size + 1) // 2 else 'b'}{i}" for i in range(size)] for size in sizes]
    return [(metric, *labels) for labels in product(*values)]


def grid(*sizes: int, families: bool = False) -> SeriesIndex:
    """The index of a full product, one metric."""
    index = SeriesIndex(schema_of(len(sizes), families=families))
    index.admit(grid_keys(*sizes))
    return index


def view_of(
    lattice: Lattice, y: NDArray[np.floating], mu: NDArray[np.floating], *, gauges: Sequence[int] = (), t_ms: int = 0
) -> View:
    """A view of rows as they are given, roll-ups included; NaN in y is a gap."""
    view = View(t_ms, lattice, np.asarray(y, np.float32), np.asarray(gauges, np.int64))
    view.mu = view.base = np.asarray(mu, np.float32)
    view.missing = np.isnan(view.y)
    view.judgeable = ~view.missing & np.isfinite(view.mu)
    view.age = np.where(view.missing, 1, 0).astype(np.int32)
    view.witnesses = np.full((0, lattice.size), -1, np.int64)
    return view


def flat(n: int) -> Lattice:
    """n series without dimensions would be one; so n metrics without dimensions, hence without any peers."""
    schema = Schema(dimensions=(), metrics=tuple(Metric(f"m{i}") for i in range(n)), place=None)
    index = SeriesIndex(schema)
    index.admit([(m.name,) for m in schema.metrics])
    return index.lattice()


def maybe(x: float) -> float | None:
    """NaN as None, for the naive twins."""
    return None if np.isnan(x) else float(x)
