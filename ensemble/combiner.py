"""The contract of a combiner: calibrated voices of a row to one number, and its memory of onsets."""

from __future__ import annotations

from typing import Any, Protocol

from detector.view import Float32s


class Combiner(Protocol):
    """`advance` moves its filters once D and P are calibrated; `score` gives the signed fused score c (S,)."""

    def init(self, n: int) -> Any: ...
    def advance(self, state: Any, derivative: Float32s, contrast: Float32s) -> None: ...
    def score(self, state: Any, residual: Float32s, derivative: Float32s, contrast: Float32s) -> Float32s: ...
