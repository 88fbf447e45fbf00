"""Which kind of value a series has, judged on its history alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.schema import Kind


def infer_kind(history: NDArray[np.float64]) -> Kind:
    """Whole numbers from zero up are counts, all else is a gauge (ratios need a denominator, which no layout here has).

    `history` (N,) may hold NaN; with fewer than two values it is a gauge, which promises nothing.
    """
    values = history[np.isfinite(history)]
    if values.size >= 2 and (values >= 0).all() and (values == np.rint(values)).all():
        return "count"
    return "gauge"
