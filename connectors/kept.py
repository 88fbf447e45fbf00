"""What was kept of alarms, as people ask for it; the journal answers here, the history database in `history.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec

from connectors.journal import connect
from detector.errors import StorageError

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which alarms; an empty condition lets everything pass."""

    states: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()  # of the ledger: first held under one of these
    only_held: bool = False  # ever held
    since_ms: int | None = None  # still going on, or ended at or after
    before_id: str | None = None  # ids below this one: the next page


class KeptEvent(NamedTuple):
    """One transition as it was written down."""

    seq: int
    id: str
    alarm_id: str
    revision: int
    tick_ms: int
    type: str
    state: str
    severity: str
    end: str | None
    told: bool
    body: Body


class Kept(Protocol):
    """Alarms by id, newest start first (ids begin with the start)."""

    def alarms(self, wanted: Wanted) -> Iterator[Body]: ...
    def alarm(self, alarm_id: str) -> Body | None: ...
    def events(self, alarm_id: str) -> list[KeptEvent]: ...
    def points(self, alarm_id: str) -> Mapping[str, list[Any]] | None: ...
    def close(self) -> None: ...


class JournalReader:
    """Reads a journal, also while a daemon writes it; changes nothing and blocks nobody."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise StorageError(f"{path}: there is no journal; expected the data directory of a Tocsin that has run")
        self._db = connect(path, read_only=True)

    def journal_id(self) -> str:
        return str(self._db.execute("SELECT value FROM meta WHERE key = 'journal_id'").fetchone()[0])

    def last_seq(self) -> int:
        return int(self._db.execute("SELECT coalesce(max(seq), 0) FROM outbox").fetchone()[0])

    def after(self, seq: int, limit: int) -> list[KeptEvent]:
        """The next transitions after `seq`, in the order in which they were written."""
        return self._events("seq > ? ORDER BY seq LIMIT ?", (seq, limit))

    def alarms(self, wanted: Wanted) -> Iterator[Body]:
        conditions, values = ["1"], list[Any]()
        for column, allowed in (("state", wanted.states), ("severity", wanted.severities), ("reason", wanted.reasons)):
            if allowed:
                conditions.append(f"{column} IN ({','.join('?' * len(allowed))})")
                values += sorted(allowed)
        if wanted.only_held:
            conditions.append("was_held")
        if wanted.since_ms is not None:
            conditions.append("(state <> 'resolved' OR tick_ms >= ?)")
            values.append(wanted.since_ms)
        if wanted.before_id is not None:
            conditions.append("id < ?")
            values.append(wanted.before_id)
        query = f"SELECT id, was_held, body FROM alarm WHERE {' AND '.join(conditions)} ORDER BY id DESC"  # noqa: S608
        for alarm_id, was_held, body in self._db.execute(query, values):
            yield self._with_reasons(alarm_id, was_held, msgspec.json.decode(body))

    def alarm(self, alarm_id: str) -> Body | None:
        row = self._db.execute("SELECT was_held, body FROM alarm WHERE id = ?", (alarm_id,)).fetchone()
        return None if row is None else self._with_reasons(alarm_id, row[0], msgspec.json.decode(row[1]))

    def events(self, alarm_id: str) -> list[KeptEvent]:
        return self._events("alarm_id = ? ORDER BY revision", (alarm_id,))

    def points(self, alarm_id: str) -> Mapping[str, list[Any]] | None:
        return None  # only the history keeps charts

    def close(self) -> None:
        self._db.close()

    def _events(self, condition: str, values: tuple[Any, ...]) -> list[KeptEvent]:
        columns = 'seq, id, alarm_id, revision, tick_ms, type, state, severity, "end", told, body'
        rows = self._db.execute(f"SELECT {columns} FROM outbox WHERE {condition}", values)  # noqa: S608
        return [
            KeptEvent(
                seq, name, alarm, revision, tick, kind, state, severity, end, bool(told), msgspec.json.decode(body)
            )
            for seq, name, alarm, revision, tick, kind, state, severity, end, told, body in rows
        ]

    def _with_reasons(self, alarm_id: str, was_held: bool, body: Body) -> Body:
        return with_reasons(body, lambda: self.events(alarm_id)) if was_held else body


def with_reasons(body: Body, events: Any) -> Body:
    """The body with why it was held, taken from an earlier event where the newest no longer says so."""
    if body.get("suppression") is None:
        for event in reversed(events()):
            if event.body.get("suppression") is not None:
                return {**body, "suppression": event.body["suppression"]}
    return body
