"""How the daemon keeps house."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DaemonSettings:
    """Times and sizes; the defaults are those of docs/reference/durability.md."""

    data_dir: Path
    poll_s: float = 0.2
    snapshot_every_s: float = 60.0
    snapshot_every_samples: int = 10**7
    reload_every_s: float = 30.0  # 0: never by itself
    idle_after_s: float = 120.0  # 0: a silent partition holds its ticks for ever
    close_after_s: float = 0.0  # of silence everywhere, from which our clock closes ticks; 0: never
    tick_ms: int = 60_000  # shortest interval
    ready_lag_s: float = 30.0
    watchdog_s: float = 120.0  # 0: no watchdog
    drain_s: float = 10.0
    retain_days: float = 90.0  # ended alarms in the journal; the history keeps its own
    ballast_bytes: int = 64 * 2**20
    series_limit: int | None = None
