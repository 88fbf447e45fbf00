"""The contract of a scorer: filters advance, then scorers judge, then what may learn learns."""

from __future__ import annotations

from typing import Any, Protocol

from detector.view import Float32s, View


class Scorer(Protocol):
    """Judges every row at every tick; configuration is a frozen value, memory a named tuple of arrays (..., S).

    `advance` moves filters in place; `score` changes nothing and returns signed z (K, S), NaN = no opinion;
    `learn` scales what is learnt by `rate` (S,): 1 calm, 0.1 hot, 0 frozen.
    """

    def init(self, n: int) -> Any: ...
    def advance(self, state: Any, view: View) -> None: ...
    def score(self, state: Any, view: View) -> Float32s: ...
    def learn(self, state: Any, view: View, rate: Float32s) -> None: ...
