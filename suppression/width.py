"""How wide a cuboid is, and what of it a set of leaves covers."""

from __future__ import annotations

import numpy as np

from detector.frame import Bools, Ints
from detector.series import Lattice, SeriesIndex
from suppression.candidate import Candidate
from suppression.localise import members


def leaves_of(lattice: Lattice, row: int) -> Ints:
    """Leaf rows of a cuboid row."""
    return members(lattice, row)


def leaves_of_candidate(lattice: Lattice, index: SeriesIndex, candidate: Candidate) -> Ints:
    """Leaf rows that a candidate speaks of: of its present cuboid, or all of a silent feed's metrics."""
    if candidate.feed is None:
        return leaves_of(lattice, candidate.present)
    codes = [code for code, metric in enumerate(index.schema.metrics) if metric.name in candidate.feed.metrics]
    return np.flatnonzero(lattice.leaf & np.isin(lattice.metric, codes))


def share_covered(lattice: Lattice, row: int, mask: Bools) -> float:
    """Share of a row's leaves that the mask (S,) holds."""
    return share_of(leaves_of(lattice, row), mask)


def share_of(leaves: Ints, mask: Bools) -> float:
    """Share of the leaves that the mask (S,) holds; 0 of none."""
    return float(mask[leaves].mean()) if len(leaves) else 0.0


def overlap(a: Ints, b: Ints) -> float:
    """Intersection over union of two sets of leaves."""
    both = len(np.intersect1d(a, b, assume_unique=True))
    return both / max(len(a) + len(b) - both, 1)


def join(lattice: Lattice, a: int, b: int) -> int | None:
    """The row with the fewest leaves whose cuboid contains those of both rows; None if no row does."""
    one, other = lattice.around(a), lattice.around(b)
    common = one[(one == other) & (one >= 0)]
    return int(common[np.lexsort((common, lattice.leaf_counts[common]))[0]]) if len(common) else None
