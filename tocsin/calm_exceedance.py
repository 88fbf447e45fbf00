"""Does a told p mean the same in every class? Fused scores beyond what p promised, while no episode is on, by class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from ensemble.calibrate import PROMISED, VOLUME_EDGES
from ensemble.consistency import spread
from tocsin.core import KINDS, VOLUMES, Core, State

Class = tuple[str, str]  # dimensions that are not `*`, and usual volume of a tick
Counts = Mapping[Class, tuple[tuple[float, float], ...]]  # per promised p: exceeded, expected
LEAST_EXPECTED = 20.0  # exceedances by the promise, from which on a class is spoken of
WHOLE = "all"
GAUGE = "gauge"


def volume_name(volume: int) -> str:
    """The mean counts a tick of a bucket; 3 stands for the square root of ten.

    >>> volume_name(0), volume_name(3), volume_name(6)
    ('<0.3', '3-10', '>=100')
    """
    edges = [f"{float(f'{edge:.1g}'):g}" for edge in VOLUME_EDGES]
    if volume == 0:
        return f"<{edges[0]}"
    return f">={edges[-1]}" if volume == len(edges) else f"{edges[volume - 1]}-{edges[volume]}"


def calm_exceedance(core: Core, state: State) -> Counts:
    """Of every class that has watched rows now: decayed counts since the levels were first known."""
    lattice = core.adapt(state).lattice
    exceeded, expected = core.calibration.exceedance(state.calibration)
    if core.lone is not None or not expected.any():
        return {}
    rows = np.flatnonzero(lattice.watched)
    codes, first = np.unique(state.rows.classes[rows], return_index=True)
    out: dict[Class, tuple[tuple[float, float], ...]] = {}
    for code, row in zip(codes.tolist(), rows[first].tolist(), strict=True):
        level = ",".join(state.index.cuboid(row)) or WHOLE
        volume = GAUGE if code // VOLUMES % KINDS else volume_name(code % VOLUMES)
        pairs = zip(exceeded[code].tolist(), expected[code].tolist(), strict=True)
        out[level, volume] = tuple(pairs)
    return out


def ratios(counts: Iterable[Counts]) -> tuple[dict[tuple[str, str, float], float], dict[float, float]]:
    """Realised over promised by class and p, and its spread over classes by p: sd of log10, see `consistency.spread`.

    Counts of several intervals are added. Classes of which fewer than 20 exceedances are expected are left out; the
    spread needs two.
    """
    total: dict[Class, list[list[float]]] = {}
    for one in counts:
        for of, pairs in one.items():
            mine = total.setdefault(of, [[0.0, 0.0] for _ in PROMISED])
            for sums, pair in zip(mine, pairs, strict=True):
                sums[0] += pair[0]
                sums[1] += pair[1]
    by_class: dict[tuple[str, str, float], float] = {}
    spreads: dict[float, float] = {}
    for k, p in enumerate(PROMISED):
        known = {of: sums[k] for of, sums in total.items() if sums[k][1] >= LEAST_EXPECTED}
        by_class |= {(*of, p): exceeded / expected for of, (exceeded, expected) in known.items()}
        if len(known) > 1:
            events, exposure = np.array(list(known.values())).T
            spreads[p] = spread(events, exposure)
    return by_class, spreads
