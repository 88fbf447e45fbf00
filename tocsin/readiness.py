"""Is everything assigned, restored, and read to its end once? If not, why, in sentences."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.source import Source


def missing(
    source: Source, lag: Mapping[str, tuple[int, int | None]], wall_ms: int, ready_lag_s: float, *, arrived: bool
) -> tuple[str, ...]:
    """What keeps us from being ready; empty when nothing does. The caller remembers that it once was empty.

    A partition is caught up when nothing of it is left to read, or the last record read arrived within `ready_lag_s`.
    """
    if source.is_finished():
        return ()
    if not source.partitions():
        return ("no partition is assigned yet",)
    oldest_ms = wall_ms - round(ready_lag_s * 1000)
    late = [name for name, (messages, record) in lag.items() if messages and (record is None or record < oldest_ms)]
    if late:
        return (f"catching up: {sum(lag[name][0] for name in late)} messages behind in {len(late)} partitions",)
    return ("catching up",) if not lag and arrived else ()
