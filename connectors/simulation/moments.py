"""When things that nobody planned happen: as many as their rate says, anywhere in history and in what follows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from connectors.simulation.parameters import WorldParameters


def moments(parameters: WorldParameters, draw: np.random.Generator, rate: float, per_minutes: int) -> Iterator[int]:
    """Minutes of the world, each drawn when asked for; `rate` in `per_minutes`, in history `rates.history` of it."""
    first = int(min(parameters.history_days * 1440, parameters.minutes))
    spans = [(first, parameters.minutes, rate)]
    if parameters.rates.history:
        spans.insert(0, (0, first, rate * parameters.rates.history))
    for begin, end, wanted in spans:
        for _ in range(round(wanted * (end - begin) / per_minutes)):
            yield int(draw.integers(begin, max(end, begin + 1)))
