"""What people are told: one alarm, its revisions, and the events of its life."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from detector.schema import Severity
from suppression.reasons import Direction, End, EventType, State

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
Cuboid = Mapping[str, str]  # dimension (or `dimension.parent`) → value; a missing dimension means all


def alarm_id(start_ms: int, metric: str, cuboid: Cuboid, direction: Direction) -> str:
    """ULID of (start tick, hash of metric, first cuboid and direction): 48 bits of time, 80 of content.

    Nothing of the configuration enters, so that run, replay and backtest agree.
    """
    parts = [metric, direction, *(f"{name}={cuboid[name]}" for name in sorted(cuboid))]
    blob = b"".join(len(p.encode()).to_bytes(4, "big") + p.encode() for p in parts)
    number = (start_ms << 80) | int.from_bytes(hashlib.sha256(blob).digest()[:10], "big")
    return "".join(CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))


@dataclass(frozen=True, slots=True)
class AlarmEvent:
    """One transition of one alarm at one tick; `data` is the alarm as JSON values, as docs/reference/alarm.md has it.

    The identity of the transition is `alarm_id/revision`; equal identities have equal bodies within one control
    journal.
    """

    type: EventType
    tick_ms: int
    alarm_id: str
    revision: int
    state: State
    severity: Severity
    end: End | None
    told: bool  # receivers get it; False: a held candidate, for the ledger only
    data: Mapping[str, Any]

    @property
    def id(self) -> str:
        return f"{self.alarm_id}/{self.revision}"
