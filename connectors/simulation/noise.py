"""Slow noise of the world: Ornstein-Uhlenbeck processes on knots ten minutes apart, the same at any time of asking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from connectors.simulation.parameters import WorldParameters
from connectors.simulation.rng import Stream, generator
from connectors.simulation.shape import KNOT_MINUTES

BLOCK_MINUTES = 360  # unit of generation: whatever is asked for, whole blocks are drawn
BLOCK_KNOTS = BLOCK_MINUTES // KNOT_MINUTES
LEAF_HOURS = 1.0  # time constant of a leaf's own noise

Noise32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class CoarseNoise:
    """Processes that few rows share, for the whole world; K knots."""

    region: Noise32  # (K, regions) world, region, region's day
    device: Noise32  # (K, devices) random walk
    pair: Noise32  # (K, devices, regions)
    witness: Noise32  # (K, regions, stacks) own noise and its share of the region's


def coarse_noise(parameters: WorldParameters) -> CoarseNoise:
    """Draws every shared process from the start of the world to its end."""
    noise, (devices, regions, _) = parameters.noise, parameters.geography.shape
    stacks = len(parameters.geography.stacks)
    knots = (-(-parameters.minutes // BLOCK_MINUTES)) * BLOCK_KNOTS + 1
    draw = generator(parameters.seed, Stream.COARSE_NOISE)
    widths = (1, regions, regions, devices * regions, regions * stacks)
    hours = (10.0, 8.0, 24.0, 6.0, 5.0)
    sds = (noise.world, noise.region, noise.region_day, noise.device_region, noise.witness)
    columns = ornstein_uhlenbeck(draw, knots, np.repeat(hours, widths), noise.scale * np.repeat(sds, widths))
    world, region, day, pair, witness = np.split(columns, np.cumsum(widths)[:-1], axis=1)
    step_sd = noise.scale * noise.device_walk * np.sqrt(KNOT_MINUTES / 1440)
    walk = step_sd * np.cumsum(draw.standard_normal((knots, devices), np.float32), axis=0)
    regional = world + region + day
    shared = noise.witness_share * regional[:, :, None]
    return CoarseNoise(
        region=regional,
        device=walk.astype(np.float32),
        pair=pair.reshape(knots, devices, regions),
        witness=(witness.reshape(knots, regions, stacks) + shared).astype(np.float32),
    )


def ornstein_uhlenbeck(
    draw: np.random.Generator, knots: int, hours: NDArray[np.float64], sd: NDArray[np.float64]
) -> Noise32:
    """Stationary processes, (knots, N); `hours` (N,) are time constants, `sd` (N,) standard deviations."""
    keep = np.exp(-KNOT_MINUTES / 60 / hours).astype(np.float32)
    values = draw.standard_normal((knots, len(hours)), np.float32)
    values[1:] *= np.sqrt(1 - keep**2)
    for k in range(1, knots):
        values[k] += keep * values[k - 1]
    return values * sd.astype(np.float32)


def leaf_noise(parameters: WorldParameters, block: int, leaves: int) -> Noise32:
    """Own noise of every leaf at the knots of a block and the first after it, (BLOCK_KNOTS + 1, leaves), sd 1.

    A process of one hour has forgotten what was six hours ago (e^-6), so that a block needs only its own draws and
    those of the block before: any block can be made without those before it.
    """
    keep = np.float32(np.exp(-KNOT_MINUTES / 60 / LEAF_HOURS))
    draws = [_leaf_draws(parameters.seed, block + lag, leaves) for lag in (-1, 0, 1)]
    steps = np.concatenate([draws[0], draws[1], draws[2][:1]]) * np.sqrt(1 - keep**2)
    for k in range(1, len(steps)):
        steps[k] += keep * steps[k - 1]
    return np.asarray(steps[BLOCK_KNOTS:], np.float32)


def _leaf_draws(seed: int, block: int, leaves: int) -> Noise32:
    return generator(seed, Stream.LEAF_NOISE, block + 1).standard_normal((BLOCK_KNOTS, leaves), np.float32)
