"""The memory that scorers of runs share."""

from __future__ import annotations

from typing import NamedTuple

from detector.view import Float32s


class RunState(NamedTuple):
    run: Float32s  # (S,) nats
    last: Float32s  # (S,) last value; only the stuck scorer reads it
