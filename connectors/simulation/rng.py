"""Seeded generators: one independent stream per purpose and block of time, so that order of use changes nothing."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What a stream of random numbers is for; a new purpose gets a new number, never an old one."""

    VOLUME = 1
    SHAPE = 2
    COARSE_NOISE = 3
    LEAF_NOISE = 4
    COUNTS = 5
    GAPS = 6
    STALE_FEEDS = 7
    PLANNED = 8
    CALENDAR = 9
    LOW_IMPACT = 10
    HIGH_IMPACT = 11
    INCIDENTS = 12
    INCIDENT_COUNTS = 13
    INTERLEAVING = 14


def generator(seed: int, stream: Stream, *path: int) -> np.random.Generator:
    """The generator of one purpose; `path` is for example the number of a block of time."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence((seed, int(stream), *path))))
