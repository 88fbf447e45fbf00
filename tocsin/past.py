"""History as warm starts read it: closed ticks in pieces, from memory or from disk, as often as wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.frame import Bools


class Piece(NamedTuple):
    """Consecutive ticks of one interval; leaves come and go from piece to piece, their rows stay."""

    t_ms: NDArray[np.int64]  # (T,) tick starts, without holes
    rows: NDArray[np.int64]  # (L,) row of each column
    y: NDArray[np.float64]  # (T, L) in the user's unit, NaN = no sample
    delivered: Bools  # (T, M) did the metric's feed deliver?


@dataclass(frozen=True, slots=True)
class Past:
    """`ticks` closed ticks from `first_ms` to `last_ms`, both included; `read` gives the pieces, oldest first."""

    ticks: int
    first_ms: int
    last_ms: int
    read: Callable[[], Iterator[Piece]]

    def sample(self, most: int) -> Iterator[Piece]:
        """Pieces thinned evenly to about `most` ticks, for what needs values and not their order."""
        stride = max(1, self.ticks // most)
        for piece in self.read():
            yield Piece(piece.t_ms[::stride], piece.rows, piece.y[::stride], piece.delivered[::stride])

    def panel(self, rows: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Times (T,) and values (T, len(rows)) in one array, for series that are studied whole."""
        times, values = np.zeros(self.ticks, np.int64), np.full((self.ticks, len(rows)), np.nan)
        column = {row: i for i, row in enumerate(rows)}
        at = 0
        for piece in self.read():
            until = at + len(piece.t_ms)
            times[at:until] = piece.t_ms
            mine = [i for i, row in enumerate(piece.rows.tolist()) if row in column]
            values[at:until, [column[int(piece.rows[i])] for i in mine]] = piece.y[:, mine]
            at = until
        return times[:at], values[:at]


def in_memory(t_ms: NDArray[np.int64], rows: NDArray[np.int64], y: NDArray[np.float64], metrics: int) -> Past:
    """A panel (T, L) as a past; every feed delivered in every tick."""
    piece = Piece(t_ms, rows, y, np.ones((len(t_ms), metrics), bool))
    first, last = (int(t_ms[0]), int(t_ms[-1])) if len(t_ms) else (0, 0)
    return Past(len(t_ms), first, last, lambda: iter((piece,)))
