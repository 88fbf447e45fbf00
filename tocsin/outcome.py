"""What one tick brought: events for people, and the numbers of every row for pages and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detector.series import SeriesIndex
from suppression.alarm import AlarmEvent

ROW_STATES = ("calm", "firing", "held", "warming", "gap", "silent")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One closed tick, all rows (leaves and roll-ups) of one interval; S comes last.

    `lower` and `upper` bound what is normal for one tick (99.7 %); `surprise` is the fused one, signed, capped at 15,
    NaN where nobody had an opinion. `state` indexes `ROW_STATES`. `index` maps rows to labels and never shrinks.
    """

    t_ms: int
    interval_ms: int
    index: SeriesIndex
    events: tuple[AlarmEvent, ...]
    observed: NDArray[np.float32]  # (S,)
    expected: NDArray[np.float32]  # (S,)
    lower: NDArray[np.float32]  # (S,)
    upper: NDArray[np.float32]  # (S,)
    surprise: NDArray[np.float32]  # (S,)
    state: NDArray[np.int8]  # (S,)
    candidates: int = 0  # opened in this tick
    held: dict[str, int] = field(default_factory=dict)  # reason → candidates first held in this tick
    calendar: tuple[str, ...] = ()  # ids of events that are on
    promised: float | None = None  # budget in force: false alarms per 1000 series-weeks
    watched_ms: int = 0  # series × time that was judged in the trailing four weeks
    effective_votes: float | None = None  # independent voices; None where not known
    calm_exceedance: Mapping[tuple[str, str], tuple[tuple[float, float], ...]] = field(default_factory=dict)  # hourly
