"""What the ensemble says of one tick, for every row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.view import Float32s


@dataclass(slots=True)
class Judgement:
    """Calibrated voices of one tick. K scorers, S rows; surprises are signed, NaN = no opinion."""

    q: Float32s  # (K, S)
    F: Float32s  # (S,)
    D: Float32s  # (S,)
    P: Float32s  # (S,)
    W: Float32s  # (S,) of P, the contrast with witnesses alone; NaN without
    c: Float32s  # (S,) fused
    entered: NDArray[np.bool_]  # (S,)
    run: NDArray[np.bool_]  # (S,) zero run or stuck fires
    threshold: float
    entering: float
