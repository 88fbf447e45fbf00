"""What plain methods look at: the columns; on a grid each cuboid, by itself or beside the independent stack."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.dataset import Panel

_DRIFT = 0.05  # sd of a log ratio that counts alone do not explain


@dataclass(frozen=True, slots=True)
class Features:
    """F views of a panel: values and precisions (T, F), whose they are, the cuboid each one speaks of."""

    y: NDArray[np.float64]
    weight: NDArray[np.float64] | float
    unit: NDArray[np.int64]
    cuboids: tuple[str, ...]


def columns_as_they_are(panel: Panel) -> Features:
    """One feature a watched column."""
    watched = [i for i, column in enumerate(panel.columns) if column.watched]
    cuboids = tuple("&".join(f"{k}={v}" for k, v in panel.columns[i].labels.items()) or "all" for i in watched)
    units = np.array([panel.columns[i].unit for i in watched], np.int64)
    return Features(panel.y[:, watched], 1.0, units, cuboids)


def contrasts(panel: Panel) -> Features:
    """Log ratio of every cuboid of region × device to the witness's total in the same region, or in all."""
    regions = [None, *sorted({c.labels["region"] for c in panel.columns if c.watched})]
    devices = [None, *sorted({c.labels["device"] for c in panel.columns if c.watched})]
    y, weight, cuboids = [], [], []
    for region, device in product(regions, devices):
        here = [i for i, c in enumerate(panel.columns) if region in (None, c.labels["region"])]
        ours = [i for i in here if panel.columns[i].watched and device in (None, panel.columns[i].labels["device"])]
        theirs = [i for i in here if not panel.columns[i].watched]
        if not ours or not theirs:
            continue
        a, b = (np.nansum(panel.y[:, mine], axis=1) + 1 for mine in (ours, theirs))
        seen = np.isfinite(panel.y[:, ours]).any(axis=1) & np.isfinite(panel.y[:, theirs]).any(axis=1)
        y.append(np.where(seen, np.log(a / b), np.nan))
        weight.append(1 / np.sqrt(1 / a + 1 / b + _DRIFT**2))
        labels = {"region": region, "device": device}
        cuboids.append("&".join(f"{k}={v}" for k, v in labels.items() if v is not None) or "all")
    if not y:
        return columns_as_they_are(panel)
    return Features(np.column_stack(y), np.column_stack(weight), np.zeros(len(y), np.int64), tuple(cuboids))


def magnitudes(panel: Panel) -> Features:
    """Log of the watched total of every cuboid of region × device of a grid."""
    watched = [(i, c.labels) for i, c in enumerate(panel.columns) if c.watched]
    regions = [None, *sorted({labels["region"] for _, labels in watched})]
    devices = [None, *sorted({labels["device"] for _, labels in watched})]
    y, weight, cuboids = [], [], []
    for region, device in product(regions, devices):
        mine = [i for i, own in watched if region in (None, own["region"]) and device in (None, own["device"])]
        if not mine:
            continue
        total = np.nansum(panel.y[:, mine], axis=1) + 1
        y.append(np.where(np.isfinite(panel.y[:, mine]).any(axis=1), np.log(total), np.nan))
        weight.append(1 / np.sqrt(1 / total + _DRIFT**2))
        labels = {"region": region, "device": device}
        cuboids.append("&".join(f"{k}={v}" for k, v in labels.items() if v is not None) or "all")
    return Features(np.column_stack(y), np.column_stack(weight), np.zeros(len(y), np.int64), tuple(cuboids))
