"""The contract of a forecaster: what is expected of every row at a tick."""

from __future__ import annotations

from typing import Any, Protocol

from detector.view import Float32s, View


class Forecaster(Protocol):
    """Expectation of every row; memory is a named tuple of arrays (..., S). Expects first, learns last in a tick."""

    def init(self, n: int) -> Any: ...
    def expect(self, state: Any, view: View) -> Float32s: ...  # (S,) expected value, on the link scale for gauges
    def learn(self, state: Any, view: View, rate: Float32s, scale: Float32s) -> None: ...
