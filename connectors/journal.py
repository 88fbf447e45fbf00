"""The local journal: what was decided, how far telling has come, which controls were in force. A commit is an fsync.

SQLite in WAL mode with `synchronous=FULL`, always on a local disk and always apart from the history database, so that
no page can hold its lock. A transition is here before a snapshot may pass its tick and before any receiver hears of it.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np

from connectors.failpoint import fp
from detector.errors import RefusedError, StorageError
from detector.frame import Batch
from suppression.alarm import AlarmEvent

NAME = "journal.db"
VERSION = 1
MAX_LOCAL_DEAD_LETTERS = 100_000
ControlKind = Literal["calendar", "silences", "acknowledge", "withdraw", "idle", "active", "close"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, alarm_id TEXT NOT NULL, revision INTEGER NOT NULL,
  tick_ms INTEGER NOT NULL, type TEXT NOT NULL, state TEXT NOT NULL, severity TEXT NOT NULL, "end" TEXT,
  told INTEGER NOT NULL, body BLOB NOT NULL, record_ms INTEGER, created_ms INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS outbox_of_alarm ON outbox(alarm_id, revision);
CREATE TABLE IF NOT EXISTS delivery(
  receiver TEXT NOT NULL, seq INTEGER NOT NULL, alarm_id TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'pending',
  tries INTEGER NOT NULL DEFAULT 0, next_try_ms INTEGER NOT NULL DEFAULT 0, reason TEXT, done_ms INTEGER,
  PRIMARY KEY(receiver, seq)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS delivery_pending ON delivery(receiver, alarm_id, seq) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS delivery_lane ON delivery(receiver, alarm_id, state);
CREATE TABLE IF NOT EXISTS progress(shard TEXT PRIMARY KEY, emit_tick INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS control(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, tick_ms INTEGER NOT NULL, kind TEXT NOT NULL, hash TEXT NOT NULL,
  text TEXT NOT NULL, created_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS alarm(
  id TEXT PRIMARY KEY, state TEXT NOT NULL, revision INTEGER NOT NULL, severity TEXT NOT NULL, "end" TEXT,
  told INTEGER NOT NULL, was_held INTEGER NOT NULL, reason TEXT, first_tick_ms INTEGER NOT NULL,
  tick_ms INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS alarm_by_state ON alarm(state, id);
CREATE TABLE IF NOT EXISTS dead_letter(
  partition TEXT NOT NULL, "offset" INTEGER NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
  samples INTEGER NOT NULL, PRIMARY KEY(partition, "offset", reason)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lost(
  partition TEXT NOT NULL, first INTEGER NOT NULL, next INTEGER NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY(partition, first)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lease(one INTEGER PRIMARY KEY CHECK(one = 1), epoch INTEGER NOT NULL, owner TEXT NOT NULL);
"""


class Control(NamedTuple):
    """One journalled decision from outside the log; it is in force from the first tick at or after `tick_ms`."""

    seq: int
    tick_ms: int
    kind: ControlKind
    hash: str
    text: str


class OpenAlarm(NamedTuple):
    """One alarm that has not ended: what a snapshot keeps too, so that a lost journal can be told from it."""

    id: str
    state: str
    revision: int
    severity: str
    told: bool
    first_tick_ms: int
    tick_ms: int
    body: Mapping[str, Any]


class Journal:
    """The engine's connection to the journal, of one thread; `receivers` get every told event from now on."""

    def __init__(self, path: Path, receivers: Sequence[str] = ()) -> None:
        self.path = path
        self.receivers = tuple(receivers)
        self.epoch: int | None = None
        self._db = connect(path)
        with self._transaction():
            for statement in SCHEMA.split(";\n"):
                self._db.execute(statement)
            self._db.execute("INSERT OR IGNORE INTO meta VALUES('version', ?)", (str(VERSION),))
            self._db.execute("INSERT OR IGNORE INTO meta VALUES('journal_id', ?)", (uuid.uuid4().hex,))
        meta = dict(self._db.execute("SELECT key, value FROM meta"))
        if int(meta["version"]) > VERSION:
            self._db.close()
            raise RefusedError(
                f"{path}: version {meta['version']} was written by a newer Tocsin; this one reads up to {VERSION}"
            )
        self.journal_id: str = meta["journal_id"]

    def take_lease(self, owner: str) -> int:
        """Bumps the epoch; every commit from here on is refused once somebody else has bumped it again."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO lease VALUES(1, 1, ?) ON CONFLICT(one) DO UPDATE SET epoch = epoch + 1, owner = ?",
                (owner, owner),
            )
            self.epoch = int(self._db.execute("SELECT epoch FROM lease").fetchone()[0])
        return self.epoch

    def emit_ticks(self) -> dict[str, int]:
        """Shard → newest tick whose transitions are here; replay up to it is silent."""
        return dict(self._db.execute("SELECT shard, emit_tick FROM progress"))

    def last_seq(self) -> int:
        """Number of the newest transition ever written here, pruned ones included."""
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
        return 0 if row is None else int(row[0])

    def commit(
        self, shard: str, tick_ms: int, events: Sequence[AlarmEvent], *, record_ms: int | None, now_ms: int
    ) -> tuple[str, ...]:
        """Makes the transitions of one tick durable, with a delivery per receiver for those that are told.

        Returns ids that were there already with another body: a breach of determinism, kept as first written.
        """
        with self._transaction():
            clashes = tuple(event.id for event in events if self._insert(event, record_ms, now_ms) == "clash")
            self._advance(shard, tick_ms)
            fp("in_txn")
        fp("committed")
        return clashes

    def advance(self, ticks: Mapping[str, int]) -> None:
        """Moves the emit watermark over ticks without transitions, so that a snapshot never passes it."""
        with self._transaction():
            for shard, tick_ms in ticks.items():
                self._advance(shard, tick_ms)

    def is_known(self, event: AlarmEvent) -> bool:
        """Does the journal hold this very transition, with an equal body?"""
        row = self._db.execute("SELECT body FROM outbox WHERE id = ?", (event.id,)).fetchone()
        return row is not None and bytes(row[0]) == encode(event.data)

    def note_input(self, batches: Iterable[Batch]) -> None:
        """Keeps the coordinates of refused records and lost ranges; equal ones are kept once, however often read."""
        refused = [(b.partition, r.offset, r.reason, r.detail[:1000], r.samples) for b in batches for r in b.rejected]
        lost = [(b.partition, gap.first, gap.next, gap.reason) for b in batches for gap in b.lost]
        if not refused and not lost:
            return
        with self._transaction():
            self._db.executemany("INSERT OR IGNORE INTO dead_letter VALUES(?, ?, ?, ?, ?)", refused)
            self._db.executemany("INSERT OR IGNORE INTO lost VALUES(?, ?, ?, ?)", lost)
            self._bound_dead_letters()

    def pending_deliveries(self) -> int:
        """Events that some present receiver has neither acknowledged nor been given up on."""
        marks = ",".join("?" * len(self.receivers))
        row = self._db.execute(
            f"SELECT count(*) FROM delivery WHERE state = 'pending' AND receiver IN ({marks})",  # noqa: S608
            self.receivers,
        ).fetchone()
        return int(row[0])

    def append_control(self, kind: ControlKind, text: str, digest: str, tick_ms: int, now_ms: int) -> Control:
        with self._transaction():
            cursor = self._db.execute(
                "INSERT INTO control(tick_ms, kind, hash, text, created_ms) VALUES(?, ?, ?, ?, ?)",
                (tick_ms, kind, digest, text, now_ms),
            )
        return Control(int(cursor.lastrowid or 0), tick_ms, kind, digest, text)

    def controls(self) -> list[Control]:
        rows = self._db.execute("SELECT seq, tick_ms, kind, hash, text FROM control ORDER BY seq")
        return [Control(*row) for row in rows]

    def open_alarms(self) -> list[OpenAlarm]:
        rows = self._db.execute(
            "SELECT id, state, revision, severity, told, first_tick_ms, tick_ms, body FROM alarm"
            " WHERE state <> 'resolved' ORDER BY id"
        )
        return [
            OpenAlarm(row[0], row[1], row[2], row[3], bool(row[4]), row[5], row[6], msgspec.json.decode(row[7]))
            for row in rows
        ]

    def recreate(self, alarms: Iterable[OpenAlarm]) -> int:
        """Takes over open alarms of a snapshot that knows more than this journal (it was lost, or is an old copy)."""
        with self._transaction():
            before = self._db.total_changes
            for a in alarms:
                self._db.execute(
                    "INSERT OR IGNORE INTO alarm VALUES(?, ?, ?, ?, NULL, ?, ?, NULL, ?, ?, ?)",
                    (a.id, a.state, a.revision, a.severity, a.told, not a.told, a.first_tick_ms, a.tick_ms,
                     encode(a.body)),
                )  # fmt: skip
            return self._db.total_changes - before

    def prune(self, before_ms: int) -> int:
        """Forgets ended alarms whose last event is older than `before_ms` and that wait for no receiver."""
        ended = (
            "SELECT id FROM alarm a WHERE state = 'resolved' AND tick_ms < ? AND NOT EXISTS"
            " (SELECT 1 FROM delivery d WHERE d.alarm_id = a.id AND d.state = 'pending')"
        )
        with self._transaction():
            self._db.execute(f"DELETE FROM delivery WHERE alarm_id IN ({ended})", (before_ms,))  # noqa: S608
            self._db.execute(f"DELETE FROM outbox WHERE alarm_id IN ({ended})", (before_ms,))  # noqa: S608
            return self._db.execute(f"DELETE FROM alarm WHERE id IN ({ended})", (before_ms,)).rowcount  # noqa: S608

    def close(self) -> None:
        self._db.close()

    def _insert(self, event: AlarmEvent, record_ms: int | None, now_ms: int) -> Literal["new", "same", "clash"]:
        body = encode(event.data)
        cursor = self._db.execute(
            "INSERT OR IGNORE INTO outbox(id, alarm_id, revision, tick_ms, type, state, severity, \"end\", told, body,"
            " record_ms, created_ms) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (event.id, event.alarm_id, event.revision, event.tick_ms, event.type, event.state, event.severity,
             event.end, event.told, body, record_ms, now_ms),
        )  # fmt: skip
        if cursor.rowcount == 0:
            return "same" if self.is_known(event) else "clash"
        seq = cursor.lastrowid
        if event.told:
            self._db.executemany(
                "INSERT INTO delivery(receiver, seq, alarm_id) VALUES(?, ?, ?)",
                [(receiver, seq, event.alarm_id) for receiver in self.receivers],
            )
        self._db.execute(
            "INSERT INTO alarm VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET"
            " state = excluded.state, revision = excluded.revision, severity = excluded.severity,"
            ' "end" = excluded."end", told = max(told, excluded.told), was_held = max(was_held, excluded.was_held),'
            " reason = coalesce(reason, excluded.reason), tick_ms = excluded.tick_ms, body = excluded.body"
            " WHERE excluded.revision > revision",
            (event.alarm_id, event.state, event.revision, event.severity, event.end, event.told,
             event.type == "held" or event.state == "held", first_reason(event.data), event.tick_ms, event.tick_ms,
             body),
        )  # fmt: skip
        return "new"

    def _advance(self, shard: str, tick_ms: int) -> None:
        self._db.execute(
            "INSERT INTO progress VALUES(?, ?) ON CONFLICT(shard) DO UPDATE SET emit_tick = max(emit_tick, ?)",
            (shard, tick_ms, tick_ms),
        )

    def _bound_dead_letters(self) -> None:
        count = self._db.execute("SELECT count(*) FROM dead_letter").fetchone()[0]
        if count > MAX_LOCAL_DEAD_LETTERS:
            self._db.execute(
                'DELETE FROM dead_letter WHERE (partition, "offset", reason) IN'
                ' (SELECT partition, "offset", reason FROM dead_letter ORDER BY "offset" LIMIT ?)',
                (count - MAX_LOCAL_DEAD_LETTERS * 9 // 10,),
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with transaction(self._db, self.path):
            if self.epoch is not None and self._db.execute("SELECT epoch FROM lease").fetchone() != (self.epoch,):
                raise RefusedError(f"{self.path}: another process has taken over; expected epoch {self.epoch}")
            yield


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection with the durability that the promises need; `read_only` never creates or changes anything."""
    try:
        if read_only:
            db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=10)
        else:
            db = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA busy_timeout = 30000")
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        raise StorageError(f"{path}: the journal cannot be opened: {error}") from error
    return db


@contextmanager
def transaction(db: sqlite3.Connection, path: Path) -> Iterator[None]:
    """All or nothing, durable when it returns; a failure of the disk becomes a `StorageError`."""
    try:
        db.execute("BEGIN IMMEDIATE")
        try:
            yield
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
    except sqlite3.Error as error:
        raise StorageError(f"{path}: the journal cannot be written: {error}") from error


def encode(data: Mapping[str, Any]) -> bytes:
    """JSON in the order in which the engine wrote it, which readers of labels rely on; NaN and infinity become null."""
    return msgspec.json.encode(data, enc_hook=_plain)


def first_reason(data: Mapping[str, Any]) -> str | None:
    """The reason under which a held candidate is counted: the first that holds."""
    suppression = data.get("suppression")
    reasons = suppression.get("reasons") if isinstance(suppression, Mapping) else None
    return str(reasons[0]["reason"]) if reasons else None


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
