"""Volumes of the leaves and their daily and weekly shape, on a grid of knots ten minutes apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from connectors.simulation.geography import Geography
from connectors.simulation.parameters import Volume, WorldParameters
from connectors.simulation.rng import Stream, generator

KNOT_MINUTES = 10
WEEK_KNOTS = 7 * 24 * 60 // KNOT_MINUTES

Floats = NDArray[np.float64]


def clock_minute(parameters: WorldParameters) -> int:
    """Minute of the week, Monday 00:00 UTC = 0, at which the world begins."""
    if parameters.clock_minute is not None:
        return parameters.clock_minute
    return (parameters.start_ms // 60_000 + 3 * 1440) % (7 * 1440)  # the epoch was a Thursday


def leaf_volume(seed: int, geography: Geography, volume: Volume) -> Floats:
    """Log mean counts a minute of every watched leaf, (devices, regions, activities)."""
    draw = generator(seed, Stream.VOLUME)
    devices, regions, activities = geography.shape
    share = np.log([a.share for a in geography.activities])
    region = volume.region_sd * draw.standard_normal(regions)
    device = volume.device_sd * draw.standard_normal(devices)
    cell = volume.cell_sd * draw.standard_normal((devices, regions))
    leaf = volume.leaf_sd * draw.standard_normal((devices, regions, activities))
    log_mean = region[None, :, None] + device[:, None, None] + cell[:, :, None] + leaf + share[None, None, :]
    return np.asarray(log_mean - np.median(log_mean) + np.log(volume.median_leaf), np.float64)


def witness_volume(seed: int, geography: Geography, volume: Volume) -> Floats:
    """Log mean counts a minute of every witness, (regions, stacks)."""
    draw = generator(seed, Stream.VOLUME, 1)
    size = (len(geography.regions), len(geography.stacks))
    return np.asarray(np.log(volume.witness) + 0.5 * draw.standard_normal(size), np.float64)


def watched_profile(parameters: WorldParameters) -> Floats:
    """Log deviation from the mean at each knot of the first week, (knots, devices, regions).

    Floor, an evening bump, morning and noon by family, and weekend afternoons, in local time.
    """
    geography, draw = parameters.geography, generator(parameters.seed, Stream.SHAPE)
    families = sorted({d.family for d in geography.devices})
    bump = {
        family: (
            20 + draw.uniform(0, 1),  # evening, local hour
            draw.uniform(0.7, 1.1),
            draw.uniform(0.05, 0.35),  # morning
            draw.uniform(0.1, 0.4),  # noon
            draw.uniform(0.15, 0.5),  # weekend afternoon
        )
        for family in families
    }
    device_shift = draw.uniform(-0.25, 0.25, len(geography.devices))
    region_shift = draw.uniform(-0.5, 0.5, len(geography.regions)) + [r.offset_hours for r in geography.regions]

    start_hours = clock_minute(parameters) / 60
    hours = start_hours + np.arange(WEEK_KNOTS) * KNOT_MINUTES / 60
    profile = np.empty((WEEK_KNOTS, len(geography.devices), len(geography.regions)))
    for i, device in enumerate(geography.devices):
        evening, high, morning, noon, weekend = bump[device.family]
        local = hours[:, None] + region_shift[None, :] + device_shift[i]
        profile[:, i, :] = parameters.volume.night_floor + (
            high * _bump(local, evening, 3.0)
            + morning * _bump(local, 8.0, 1.5)
            + noon * _bump(local, 12.5, 2.0)
            + weekend * _weekend(local) * _bump(local, 15.0, 3.0)
        )
    return _centred(profile)


def witness_profile(parameters: WorldParameters) -> Floats:
    """Log deviation from the mean at each knot of the first week, (knots, regions, stacks); each stack has its own."""
    geography, draw = parameters.geography, generator(parameters.seed, Stream.SHAPE, 1)
    offsets = np.array([r.offset_hours for r in geography.regions])
    hours = clock_minute(parameters) / 60 + np.arange(WEEK_KNOTS) * KNOT_MINUTES / 60
    local = hours[:, None] + offsets[None, :]
    profile = np.empty((WEEK_KNOTS, len(geography.regions), len(geography.stacks)))
    for k in range(len(geography.stacks)):
        day, evening = draw.uniform(0.2, 0.5), draw.uniform(0.3, 0.7)
        peak = draw.uniform(18, 22)
        profile[:, :, k] = 0.6 + day * _bump(local, 13.0, 4.0) + evening * _bump(local, peak, 2.5)
    return _centred(profile)


def _bump(local_hours: Floats, at: float, width: float) -> Floats:
    """A bump at an hour of the day, on the circle of 24 hours."""
    distance = (local_hours - at + 12) % 24 - 12
    return np.asarray(np.exp(-0.5 * (distance / width) ** 2), np.float64)


def _weekend(local_hours: Floats) -> Floats:
    """1 on Saturday and Sunday, 0 else; the bump that it weighs is near 0 at midnight."""
    return np.asarray((local_hours % 168) >= 120, np.float64)


def _centred(profile: Floats) -> Floats:
    log_profile = np.log(profile)
    return np.asarray(log_profile - log_profile.mean(axis=0), np.float64)
