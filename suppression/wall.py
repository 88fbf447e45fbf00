"""Wall clocks: naive local time to UTC milliseconds and back, with gaps and folds as RFC 5545 has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1)
MILLISECOND = timedelta(milliseconds=1)


def wall_to_ms(wall: datetime, zone: str, *, is_second: bool = False) -> int:
    """UTC milliseconds of a naive wall time in `zone`.

    A time that the clocks skip takes the offset before the gap (RFC 5545, 3.3.5); of a time that happens twice the
    first is meant, unless `is_second`.
    """
    fold = 1 if is_second and not is_in_gap(wall, zone) else 0
    offset = wall.replace(tzinfo=ZoneInfo(zone), fold=fold).utcoffset()
    assert offset is not None
    return (wall.replace(fold=0) - offset - EPOCH) // MILLISECOND


def ms_to_wall(t_ms: int, zone: str) -> datetime:
    """Naive wall time in `zone`, with its fold; beyond the years 1 to 9999 the nearest end of that range."""
    try:
        return (EPOCH + t_ms * MILLISECOND).replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    except OverflowError:
        return datetime.max if t_ms > 0 else datetime.min


def is_in_gap(wall: datetime, zone: str) -> bool:
    """Do the clocks of `zone` skip this wall time?"""
    there = wall.replace(tzinfo=ZoneInfo(zone), fold=0)
    offset = there.utcoffset()
    assert offset is not None
    try:
        back = (wall.replace(tzinfo=UTC, fold=0) - offset).astimezone(ZoneInfo(zone))
    except OverflowError:
        return False
    return back.replace(tzinfo=None, fold=0) != wall.replace(fold=0)
