"""Do two sides answer alike? Both must tell the same known deviations from the rest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST = 0.95  # area from which a side counts as having seen the deviations


def area(scores: NDArray[np.floating], deviating: NDArray[np.bool_]) -> float:
    """Chance that a deviating series scores higher than another (area under the ROC curve); ties count half.

    >>> area(np.array([1.0, 3.0, 2.0, 5.0]), np.array([False, True, False, True]))
    1.0
    """
    values, place = np.unique(scores, return_inverse=True)
    below = np.cumsum(np.bincount(place, ~deviating, len(values)))
    equal = np.bincount(place, ~deviating, len(values))
    won = (below - equal / 2)[place[deviating]].sum()
    return float(won / (deviating.sum() * (~deviating).sum()))
