"""The control record with which `feed --end` closes a partition of a topic."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

HEADER = "tocsin.control"
END = b"end"
MAX_HEADERS = 64  # of a record, that we look at


class EndBody(msgspec.Struct):
    """No sample with an earlier event time follows in this partition."""

    closes_ms: int


def end_record(closes_ms: int) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Value and headers of the control record."""
    return msgspec.json.encode(EndBody(closes_ms)), [(HEADER, END)]


def is_control(headers: Sequence[tuple[str, bytes]]) -> bool:
    """Does a record carry a control word of ours? Such a record holds no sample, whatever the word is."""
    return any(name == HEADER for name, _ in headers[:MAX_HEADERS])


def read_end(value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> int | None:
    """The promise of an `end` record, None where the word or the body is not one that we know."""
    if (HEADER, END) not in headers[:MAX_HEADERS] or value is None:
        return None
    try:
        return msgspec.json.decode(value, type=EndBody).closes_ms
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
