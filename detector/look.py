"""What a tick looks like to the levels of lone series: how far from each expert, and whom they listen to.

Own: the least surprised of the experts whose mean error is about the best; see `Innovations`.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.view import Float32s

EXPERTS = 3  # no season; daily; daily and day of week


class Place(NamedTuple):
    """The two slots around the tick's middle and their weights."""

    i: int
    j: int
    before: np.float32
    after: np.float32


class Look(NamedTuple):
    """What a tick looks like before anything is learnt of it; of rows without a sample any finite number."""

    absent: NDArray[np.bool_]  # (S,) no sample
    is_gappy: bool  # some row has none
    places: tuple[Place, Place]  # in the day and in the week
    hour: int  # of the day
    apart: Float32s  # (3, S) sample - season
    e: Float32s  # (3, H, S) innovations
    size: Float32s  # (3, H, S) |e|
    limit: Float32s  # (3, H, S) scale, at least the floor
    heard: Float32s  # (H - 1, S) innovation of the expert that each fast level listens to
    ratio: Float32s  # (H - 1, S) its size, in scales
    spread: Float32s  # (H - 1, S) what it is measured in
    z: Float32s  # (S,)
    gap: Float32s  # (3, S) fast level - slow level; (0, S) where drift is not heard


def place_of(middle_ms: float, cycle_ms: int, slots: int) -> Place:
    """Where a tick's middle lies in a cycle."""
    at = middle_ms % cycle_ms / cycle_ms * slots - 0.5
    i = math.floor(at)
    after = np.float32(at - i)
    return Place(i % slots, (i + 1) % slots, 1 - after, after)


def kindest(surprise: Float32s, scale: Float32s, tolerance: Float32s) -> NDArray[np.int64]:
    """(…, S) flat places of the least surprised of the experts whose scale is about the best; both (3, …, S)."""
    barred = scale > tolerance * np.minimum.reduce(scale, 0)
    told = surprise
    if np.count_nonzero(barred):
        told = surprise.copy()
        told[barred] = np.inf
    out: NDArray[np.int64] = told.argmin(0)
    first, size = offsets(out.shape)
    out *= size
    out += first
    return out


@lru_cache(maxsize=4)
def offsets(shape: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(…, S) flat places of the first expert, () their number."""
    size = math.prod(shape)
    return np.arange(size).reshape(shape), np.array(size)


@lru_cache(maxsize=2)
def experts(half_lives: int) -> NDArray[np.int64]:
    """(3 H,) expert of each level, in their order."""
    return np.repeat(np.arange(EXPERTS), half_lives)


@lru_cache(maxsize=2)
def gains(half_lives: tuple[float, ...], n: int) -> Float32s:
    """(3, H, n) share by which a settled level moves; whole, for numpy is slower where it has to repeat values."""
    gain = np.array([1 - 0.5 ** (1 / h) for h in half_lives], np.float32)
    out = np.empty((EXPERTS, len(gain), n), np.float32)
    out[...] = gain[:, None]
    out.flags.writeable = False
    return out


@lru_cache(maxsize=4)
def nothing(n: int) -> Float32s:
    """(n,) no opinion; not to be written into."""
    out = np.full(n, np.nan, np.float32)
    out.flags.writeable = False
    return out
