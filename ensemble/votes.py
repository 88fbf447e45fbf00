"""How many independent voices speak? Of correlated scorers three that agree are not three witnesses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.frame import Bools, Floats
from detector.state import chunks

HALF_LIFE_TICKS = 2000.0  # learning ticks
LEAST_WEIGHT = 500.0  # pairs of surprises before anything is concluded


class VotesState(NamedTuple):
    """K voices; sums over rows and decayed ticks, pair by pair, where both have an opinion."""

    product: NDArray[np.float64]  # (K, K) of surprises
    square: NDArray[np.float64]  # (K, K) of the first one's squared, over the same rows
    weight: NDArray[np.float64]  # (K, K) rows


class Votes:
    """Effective votes = (tr R)² / ‖R‖², R the correlations about zero of the voices' signed surprises.

    The participation ratio of R's eigenvalues (Bretherton et al. 1999, effective number of degrees of freedom): K for
    independent voices, 1 for equal ones. Calm rows only: in an incident all should agree.
    """

    def __init__(self, voices: int) -> None:
        self.voices = voices

    def init(self, n: int) -> VotesState:
        """Nothing is kept by row; `n` is for the form."""
        k = self.voices
        return VotesState(np.zeros((k, k)), np.zeros((k, k)), np.zeros((k, k)))

    def learn(self, state: VotesState, surprises: Floats, calm: Bools) -> None:
        """Adds the surprises (K, S) of the calm rows (S,), in place; NaN = no opinion."""
        added = np.zeros((3, self.voices, self.voices))
        for low, high in chunks(len(calm)):  # a chunk at a time, for its scratch to stay in cache
            some = surprises[:, low:high]
            said = np.isfinite(some) & calm[low:high]
            x = np.where(said, some, 0).astype(np.float64)
            square, there = x * x, said.astype(np.float64)
            for i in range(self.voices):
                for j in range(self.voices):  # sums by einsum, not BLAS, whose bits depend on its threads
                    added[1, i, j] += np.einsum("s,s->", square[i], there[j])
                    if i <= j:
                        added[0, i, j] += np.einsum("s,s->", x[i], x[j])
                        added[2, i, j] += np.count_nonzero(said[i] & said[j])
        for symmetric in (added[0], added[2]):
            symmetric += np.triu(symmetric, 1).T
        keep = 0.5 ** (1 / HALF_LIFE_TICKS)
        for kept, sums in zip(state, added, strict=True):
            kept *= keep
            kept += sums

    def effective(self, state: VotesState) -> float:
        """Of the voices that were heard enough; NaN if none was. A pair never heard together is not correlated."""
        heard = np.flatnonzero((np.diag(state.weight) >= LEAST_WEIGHT) & (np.diag(state.square) > 0))
        if not len(heard):
            return np.nan
        product, square = state.product[np.ix_(heard, heard)], state.square[np.ix_(heard, heard)]
        size = np.sqrt(square * square.T)
        r = np.divide(product, size, out=np.zeros_like(product), where=size > 0)
        return float(np.trace(r) ** 2 / (r**2).sum())
