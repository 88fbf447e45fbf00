"""Everything the engine can be told, as one frozen value; defaults are those of the design."""

from __future__ import annotations

from dataclasses import dataclass

from detector.timing import DAY_MS
from ensemble.budget import Per


@dataclass(frozen=True, slots=True)
class Parameters:
    """`budget` per `budget_per`: false pages that people accept. `warmup_ms`: time before a new row is judged."""

    budget: float = 3.0
    budget_per: Per = "1000-series-week"
    warmup_ms: int = DAY_MS
    zero_nats: float = 22.0  # -log of the chance of a run of zeros at which it counts as one
    stuck_nats: float = 30.0
    freeze_limit_ms: int = DAY_MS  # a row hot for longer is re-based
    idle_ttl_ms: int = 14 * DAY_MS
    least_expected: float = 0.05  # rows expected below this a tick count in roll-ups only
