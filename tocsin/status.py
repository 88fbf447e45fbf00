"""What the daemon says about itself at one moment; metrics, readiness and the pages' banner are made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SnapshotStatus:
    """Snapshots so far; times in ms, None until the first one succeeded."""

    last_success_ms: int | None = None
    duration_s: float = 0.0
    size_bytes: int = 0
    failures: int = 0
    fallbacks: int = 0  # starts that had to take an older snapshot than the newest


@dataclass(frozen=True, slots=True)
class FileStatus:
    """One file that is read again while running; times in ms (wall)."""

    is_good: bool
    last_success_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """One consistent picture; counts are cumulative since the state began, times are ms.

    `not_healthy` and `not_ready` hold sentences and are empty when all is well. A partition is named as in
    `Batch.partition` ("topic/3", or a file's name). `lag` is `Source.lag()`, `fates` and `watermarks` are the engine's.
    """

    not_healthy: tuple[str, ...] = ()
    not_ready: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()
    fates: Mapping[str, Mapping[tuple[str, str], int]] = field(default_factory=dict)  # partition → (result, reason) → n
    watermarks: Mapping[str, int] = field(default_factory=dict)
    lag: Mapping[str, tuple[int, int | None]] = field(default_factory=dict)  # messages, record time of the last record
    conflicts: Mapping[str, int] = field(default_factory=dict)  # topic → n
    dead_letters: Mapping[tuple[str, str], int] = field(default_factory=dict)  # (topic, reason) → n
    series_limit: int | None = None
    snapshot: SnapshotStatus = field(default_factory=SnapshotStatus)
    replay_mismatches: int = 0
    queue_length: Mapping[str, int] = field(default_factory=dict)  # sink → alarms not yet sent
    client_rebuilds: Mapping[tuple[str, str], int] = field(default_factory=dict)  # (client, reason) → n
    files: Mapping[str, FileStatus] = field(default_factory=dict)  # config, calendar, silences
    calendar_events: Mapping[str, int] = field(default_factory=dict)  # "active", "upcoming", "past" → occurrences
    budget_promised: Mapping[str, float] = field(default_factory=dict)  # class → alarms per 1000 series-weeks
    budget_realised: Mapping[str, float] = field(default_factory=dict)
    effective_votes: float | None = None
    calm_exceedance: Mapping[tuple[str, str, float], float] = field(default_factory=dict)  # level, volume, p → ratio
    calm_exceedance_spread: Mapping[float, float] = field(default_factory=dict)  # p → sd of log10 over classes


StatusSource = Callable[[], Status]
