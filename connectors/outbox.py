"""The receivers' side of the journal: what waits for whom, in the order of each alarm, and how it ended."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from connectors.journal import connect, transaction
from suppression.alarm import AlarmEvent

# sent; dead: gave up, visibly; expired: began and ended while we were away; superseded: a later revision was sent
# instead; summarised: told as part of one line about a storm
DeliveryState = Literal["pending", "sent", "dead", "expired", "superseded", "summarised"]


_COLUMNS = (
    'o.seq, o.id, o.alarm_id, o.revision, o.tick_ms, o.type, o.state, o.severity, o."end", o.told, o.body, d.tries,'
    " o.created_ms, o.record_ms, a.state"
)
_FROM = " FROM delivery d JOIN outbox o ON o.seq = d.seq JOIN alarm a ON a.id = o.alarm_id"


class Parcel(NamedTuple):
    """One event that waits for one receiver; wall times in ms."""

    seq: int
    event: AlarmEvent
    tries: int
    created_ms: int
    record_ms: int | None  # record time of what changed the alarm; None when nobody knows
    alarm_state: str  # of the alarm by now

    @property
    def age_ms(self) -> int:
        """How old the news was when it was written down."""
        return 0 if self.record_ms is None else self.created_ms - self.record_ms


class Outbox:
    """One receiver's connection to the journal; it belongs to that receiver's thread.

    A lane is one alarm: its oldest pending event must be done before the next one is offered, so no revision overtakes.
    """

    def __init__(self, path: Path, receiver: str) -> None:
        self._path = path
        self._receiver = receiver
        self._db = connect(path)

    def due(self, limit: int, *, old_ms: int | None = None, skip: Collection[int] = ()) -> list[Parcel]:
        """Heads of lanes, fewest attempts first; `old_ms` leaves out news that was older, `skip` those that must wait.

        Waiting is the caller's, by a monotonic clock: a stepped wall clock must not hold an alarm back.
        """
        rows = self._db.execute(
            f"SELECT {_COLUMNS}{_FROM} WHERE d.receiver = :me AND d.state = 'pending'"  # noqa: S608
            " AND (:old IS NULL OR coalesce(o.created_ms - o.record_ms, 0) <= :old)"
            " AND NOT EXISTS (SELECT 1 FROM delivery e WHERE e.receiver = :me AND e.state = 'pending'"
            " AND e.alarm_id = d.alarm_id AND e.seq < d.seq)"
            " ORDER BY d.tries, d.seq LIMIT :limit",
            {"me": self._receiver, "old": old_ms, "limit": limit + len(skip)},
        )
        return [_parcel(row) for row in rows if row[0] not in skip][:limit]

    def lane(self, alarm_id: str) -> list[Parcel]:
        """Everything that waits in one lane, oldest first."""
        rows = self._db.execute(
            f"SELECT {_COLUMNS}{_FROM} WHERE d.receiver = ? AND d.alarm_id = ? AND d.state = 'pending' ORDER BY d.seq",
            (self._receiver, alarm_id),
        )
        return [_parcel(row) for row in rows]

    def has(self, alarm_id: str, state: DeliveryState) -> bool:
        """Has any event of the alarm ended in this state? `sent`: the receiver was told of it by itself."""
        row = self._db.execute(
            "SELECT 1 FROM delivery WHERE receiver = ? AND alarm_id = ? AND state = ? LIMIT 1",
            (self._receiver, alarm_id, state),
        ).fetchone()
        return row is not None

    def done(self, seqs: Sequence[int], state: DeliveryState, now_ms: int, reason: str | None = None) -> None:
        with transaction(self._db, self._path):
            self._db.executemany(
                "UPDATE delivery SET state = ?, done_ms = ?, reason = ? WHERE receiver = ? AND seq = ?",
                [(state, now_ms, reason, self._receiver, seq) for seq in seqs],
            )

    def again(self, seqs: Sequence[int], next_try_ms: int, reason: str) -> None:
        """Plans another attempt, and remembers why the last one failed."""
        with transaction(self._db, self._path):
            self._db.executemany(
                "UPDATE delivery SET tries = tries + 1, next_try_ms = ?, reason = ? WHERE receiver = ? AND seq = ?",
                [(next_try_ms, reason, self._receiver, seq) for seq in seqs],
            )

    def counts(self) -> Mapping[str, int]:
        """Delivery state → events of this receiver."""
        rows = self._db.execute(
            "SELECT state, count(*) FROM delivery WHERE receiver = ? GROUP BY state", (self._receiver,)
        )
        return dict(rows.fetchall())

    def pending(self) -> int:
        row = self._db.execute(
            "SELECT count(*) FROM delivery WHERE receiver = ? AND state = 'pending'", (self._receiver,)
        ).fetchone()
        return int(row[0])

    def close(self) -> None:
        self._db.close()


def dead_parcels(path: Path, limit: int = 1000) -> list[dict[str, Any]]:
    """The dead-letter list of deliveries, newest first, for people."""
    db = connect(path, read_only=True)
    try:
        rows = db.execute(
            "SELECT d.receiver, o.id, d.reason, d.tries, d.done_ms FROM delivery d JOIN outbox o ON o.seq = d.seq"
            " WHERE d.state = 'dead' ORDER BY d.done_ms DESC LIMIT ?",
            (limit,),
        ).fetchall()
    finally:
        db.close()
    return [dict(zip(("receiver", "id", "reason", "tries", "done_ms"), row, strict=True)) for row in rows]


def _parcel(row: sqlite3.Row | tuple[Any, ...]) -> Parcel:
    seq, _id, alarm_id, revision, tick_ms, kind, state, severity, end, told, body, tries, created, record, now = row
    event = AlarmEvent(
        type=kind, tick_ms=tick_ms, alarm_id=alarm_id, revision=revision, state=state, severity=severity, end=end,
        told=bool(told), data=msgspec.json.decode(body),
    )  # fmt: skip
    return Parcel(seq, event, tries, created, record, now)
