"""The journal: durable, idempotent, one writer at a time, and honest about what it has."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from connectors.journal import Journal, encode
from connectors.outbox import Outbox, dead_parcels
from detector.errors import RefusedError, StorageError
from detector.frame import Batch, Lost, Rejected
from suppression.alarm import AlarmEvent


def event(alarm: str, revision: int, kind: str = "fired", state: str = "firing", tick: int = 60_000, **data: object):
    body = {"alarm_id": alarm, "revision": revision, "state": state, **data}
    told = state != "held" and not data.get("suppression")
    end = "recovered" if state == "resolved" else None
    return AlarmEvent(kind, tick, alarm, revision, state, "warning", end, told, body)  # type: ignore[arg-type]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.db", ["hook", "topic"])


def test_told_events_wait_for_every_receiver_and_held_ones_for_none(journal: Journal) -> None:
    """A held candidate is kept for the ledger, and nobody hears of it."""
    journal.commit("60000", 60_000, [event("A", 1), event("B", 1, "held", "held")], record_ms=1, now_ms=2)

    hook = Outbox(journal.path, "hook")

    assert journal.pending_deliveries() == 2
    assert [parcel.event.id for parcel in hook.due(10)] == ["A/1"]
    assert [(a.id, a.told) for a in journal.open_alarms()] == [("A", True), ("B", False)]


def test_a_transition_that_is_there_already_is_not_told_again(journal: Journal) -> None:
    """An equal one is ignored; one with another body is reported and the first stays."""
    journal.commit("60000", 60_000, [event("A", 1, observed=1.0)], record_ms=None, now_ms=2)

    same = journal.commit("60000", 60_000, [event("A", 1, observed=1.0)], record_ms=None, now_ms=9)
    other = journal.commit("60000", 60_000, [event("A", 1, observed=2.0)], record_ms=None, now_ms=9)

    assert (same, other) == ((), ("A/1",))
    assert journal.is_known(event("A", 1, observed=1.0))
    assert journal.pending_deliveries() == 2


def test_the_emit_watermark_never_goes_back(journal: Journal) -> None:
    """Per shard, the newest tick whose transitions are durable."""
    journal.commit("60000", 300_000, [event("A", 1)], record_ms=None, now_ms=0)
    journal.advance({"60000": 120_000, "3600000": 0})

    assert journal.emit_ticks() == {"60000": 300_000, "3600000": 0}


def test_an_alarm_shows_its_newest_revision_and_its_first_reason(journal: Journal) -> None:
    """The alarm table follows revisions, whatever order a replay brings them in."""
    held = event("A", 1, "held", "held", suppression={"reasons": [{"reason": "stack"}, {"reason": "agreement"}]})
    journal.commit("60000", 60_000, [held], record_ms=None, now_ms=0)
    journal.commit("60000", 180_000, [event("A", 3, "resolved", "resolved", 180_000)], record_ms=None, now_ms=0)
    journal.commit("60000", 120_000, [event("A", 2, "released", "firing", 120_000)], record_ms=None, now_ms=0)

    row = sqlite3.connect(journal.path).execute("SELECT state, revision, reason, was_held, told FROM alarm").fetchone()

    assert row == ("resolved", 3, "stack", 1, 1)
    assert journal.open_alarms() == []


def test_a_later_process_takes_the_lease_and_the_earlier_one_is_refused(journal: Journal) -> None:
    """Two writers by mistake: the epoch lets only the newest one commit."""
    journal.take_lease("one")
    other = Journal(journal.path)
    other.take_lease("two")

    with pytest.raises(RefusedError, match="taken over"):
        journal.commit("60000", 60_000, [event("A", 1)], record_ms=None, now_ms=0)

    other.commit("60000", 60_000, [event("A", 1)], record_ms=None, now_ms=0)
    assert other.epoch == 2


def test_refused_records_and_lost_ranges_are_kept_once(journal: Journal) -> None:
    """A replay reads them again; their coordinates are the identity."""
    nothing = np.zeros(0, np.int64)
    batch = Batch(
        "t/0", [], nothing, np.zeros(0), nothing, 9, (Rejected(3, "bad_time", "x" * 5000),), (Lost(4, 8, "retention"),)
    )

    journal.note_input([batch])
    journal.note_input([batch])

    db = sqlite3.connect(journal.path)
    assert [(3, "bad_time", 1000)] == db.execute('SELECT "offset", reason, length(detail) FROM dead_letter').fetchall()
    assert db.execute("SELECT partition, first, next, reason FROM lost").fetchall() == [("t/0", 4, 8, "retention")]


def test_a_lane_offers_one_revision_at_a_time(journal: Journal) -> None:
    """I5: revision 2 is not offered before revision 1 is done; other alarms go on."""
    events = [event("A", 1), event("A", 2, "updated"), event("B", 1)]
    journal.commit("60000", 60_000, events, record_ms=None, now_ms=0)
    hook = Outbox(journal.path, "hook")

    first = [parcel.event.id for parcel in hook.due(10)]
    hook.done([1], "sent", 5)
    second = [parcel.event.id for parcel in hook.due(10)]

    assert (first, second) == (["A/1", "B/1"], ["A/2", "B/1"])


def test_what_failed_often_comes_last_and_the_dead_are_listed(journal: Journal) -> None:
    """A poisoned alarm does not starve the others, and giving up is visible."""
    journal.commit("60000", 60_000, [event("A", 1), event("B", 1)], record_ms=None, now_ms=0)
    hook = Outbox(journal.path, "hook")

    hook.again([1], 99, "server_error")
    order = [parcel.event.id for parcel in hook.due(10)]
    hook.done([1], "dead", 7, "max_age")

    assert order == ["B/1", "A/1"]
    assert [{"receiver": "hook", "id": "A/1", "reason": "max_age", "tries": 1, "done_ms": 7}] == dead_parcels(
        journal.path
    )
    assert hook.counts() == {"dead": 1, "pending": 1}


def test_pruning_forgets_only_what_has_ended_and_waits_for_nobody(journal: Journal) -> None:
    """Open alarms and undelivered ones stay, however old."""
    rows = [event("A", 1), event("A", 2, "resolved", "resolved"), event("B", 1), event("C", 1, "resolved", "resolved")]
    journal.commit("60000", 60_000, rows, record_ms=None, now_ms=0)
    for name in ("hook", "topic"):
        Outbox(journal.path, name).done([1, 2, 3], "sent", 1)

    forgotten = journal.prune(10**9)

    ids = [row[0] for row in sqlite3.connect(journal.path).execute("SELECT id FROM outbox ORDER BY id")]
    assert (forgotten, ids, journal.last_seq()) == (1, ["B/1", "C/1"], 4)


def test_numbers_of_numpy_and_nan_have_a_json_form() -> None:
    """Equal values give equal bytes, whatever type the engine left them in; labels keep their order."""
    body = {"b": np.float64("nan"), "a": np.float32(0.5), "c": np.arange(2), "d": np.bool_(True), "e": np.int64(3)}

    assert b'{"b":null,"a":0.5,"c":[0,1],"d":true,"e":3}' == encode(body)


def test_a_journal_of_a_newer_program_is_refused(journal: Journal) -> None:
    """Exit 4 and a sentence."""
    journal.close()
    with sqlite3.connect(journal.path) as db:
        db.execute("UPDATE meta SET value = '99' WHERE key = 'version'")

    with pytest.raises(RefusedError, match="version 99 was written by a newer Tocsin"):
        Journal(journal.path)


def test_a_file_that_is_no_database_is_an_error_that_names_it(tmp_path: Path) -> None:
    """Exit 74 with the path."""
    path = tmp_path / "journal.db"
    path.write_bytes(b"not a database, but long enough to look at" * 50)

    with pytest.raises(StorageError, match=r"journal\.db"):
        Journal(path)
