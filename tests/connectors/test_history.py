"""The history database and the thread that fills it: complete, repeatable, and allowed to be away."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from connectors.history import History
from connectors.journal import Journal
from connectors.kept import JournalReader, Kept, Wanted
from detector.errors import ConfigError, RefusedError, UnreachableError
from suppression.alarm import AlarmEvent
from tocsin.clock import ManualClock
from tocsin.projection import HistoryProjection


def event(alarm: str, revision: int, kind: str, state: str, tick: int, reason: str | None = None) -> AlarmEvent:
    held = state == "held" or reason is not None
    body = {
        "alarm_id": alarm, "revision": revision, "state": state, "severity": "warning",
        "series": {"metric": "requests"},
        "suppression": {"reasons": [{"reason": reason, "by": "cup"}]} if reason else None,
    }  # fmt: skip
    end = "recovered" if state == "resolved" else None
    return AlarmEvent(kind, tick, alarm, revision, state, "warning", end, not held, body)  # type: ignore[arg-type]


LIFE = (
    event("01A", 1, "fired", "firing", 60_000),
    event("01B", 1, "held", "held", 60_000, "calendar"),
    event("01B", 2, "resolved", "resolved", 120_000),
    event("01C", 1, "held", "held", 180_000, "stack"),
    event("01C", 2, "released", "firing", 240_000),
    event("01D", 1, "fired", "firing", 240_000),
    event("01D", 2, "resolved", "resolved", 900_000),
)


class Chart(NamedTuple):
    t_ms: list[int]
    observed: list[float]
    expected: list[float]
    lower: list[float]
    upper: list[float]


def chart_of(body: Any) -> Chart | None:
    return Chart([1, 2], [1.0, float("nan")], [2.0, 2.0], [0.0, 0.0], [4.0, 4.0]) if body["alarm_id"] == "01A" else None


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    kept = Journal(path)
    for one in LIFE:
        kept.commit("60000", one.tick_ms, [one], record_ms=None, now_ms=0)
    kept.close()
    return path


@pytest.fixture(params=["journal", "history"])
def kept(request: pytest.FixtureRequest, journal: Path, tmp_path: Path) -> Kept:
    """Both stores must answer alike."""
    if request.param == "journal":
        return JournalReader(journal)
    history = History(f"sqlite:///{tmp_path}/tocsin.db")
    HistoryProjection(journal, history, ManualClock(), chart_of).work()
    return history


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (Wanted(), ["01D", "01C", "01B", "01A"]),
        (Wanted(states=frozenset({"firing"})), ["01C", "01A"]),
        (Wanted(only_held=True), ["01C", "01B"]),
        (Wanted(reasons=frozenset({"calendar"})), ["01B"]),
        (Wanted(since_ms=500_000), ["01D", "01C", "01A"]),
        (Wanted(before_id="01C"), ["01B", "01A"]),
        (Wanted(severities=frozenset({"critical"})), []),
    ],
)
def test_journal_and_history_choose_the_same_alarms(kept: Kept, wanted: Wanted, ids: list[str]) -> None:
    """Newest start first; conditions narrow."""
    assert ids == [body["alarm_id"] for body in kept.alarms(wanted)]


def test_a_held_alarm_keeps_why_after_its_end(kept: Kept) -> None:
    """The newest body no longer says it; the ledger still does."""
    body = kept.alarm("01B")

    assert body is not None
    assert (body["state"], body["suppression"]["reasons"][0]["reason"]) == ("resolved", "calendar")


def test_events_are_those_that_were_written(kept: Kept) -> None:
    """The timeline, by revision, with what was told."""
    assert [(1, "held", False), (2, "released", True)] == [(e.revision, e.type, e.told) for e in kept.events("01C")]
    assert kept.events("nobody") == []
    assert kept.alarm("nobody") is None


def test_charts_are_kept_with_gaps(journal: Path, tmp_path: Path) -> None:
    """NaN travels as null; alarms without points have none."""
    history = History(f"sqlite:///{tmp_path}/tocsin.db")

    HistoryProjection(journal, history, ManualClock(), chart_of).work()

    assert history.points("01A") == {
        "t": [1, 2], "observed": [1.0, None], "expected": [2.0, 2.0], "lower": [0.0, 0.0], "upper": [4.0, 4.0]
    }  # fmt: skip
    assert history.points("01B") is None


def test_filling_twice_changes_nothing(journal: Path, tmp_path: Path) -> None:
    """The cursor is lost: everything is taken in again, by upsert."""
    url = f"sqlite:///{tmp_path}/tocsin.db"
    HistoryProjection(journal, history := History(url), ManualClock()).work()
    before = list(history.alarms(Wanted()))
    with sqlite3.connect(tmp_path / "tocsin.db") as db:
        db.execute("DELETE FROM meta WHERE key LIKE 'cursor:%'")

    HistoryProjection(journal, History(url), ManualClock()).work()

    assert before == list(history.alarms(Wanted()))
    assert len(history.events("01B")) == 2


def test_a_database_that_is_away_is_waited_for_and_then_complete(journal: Path, tmp_path: Path) -> None:
    """F27 and P11: no error leaves the thread, the pause grows, everything is there after it is back."""
    folder = tmp_path / "not yet"
    history = History(f"sqlite:///{folder}/tocsin.db")
    projection = HistoryProjection(journal, history, ManualClock())
    waits = [projection.work() for _ in range(7)]
    trouble = projection.trouble
    folder.mkdir()

    projection.work()

    assert waits == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert trouble is not None
    assert "tocsin.db: cannot be reached" in trouble
    assert projection.trouble is None
    assert len(list(history.alarms(Wanted()))) == 4


def test_feedback_is_kept_in_order(tmp_path: Path) -> None:
    """What people say of an alarm; a word outside the closed set is refused."""
    history = History(f"sqlite:///{tmp_path}/tocsin.db")
    history.add_feedback("01A", "false", by="ann", at_ms=5, cause="deploy")
    history.add_feedback("01A", "real", by="bob", at_ms=6)

    with pytest.raises(ConfigError, match="verdict: expected one of real, false, unsure, got 'maybe'"):
        history.add_feedback("01A", "maybe", by="ann", at_ms=7)

    assert [("false", "ann", 5), ("real", "bob", 6)] == [
        (f["verdict"], f["by"], f["at_ms"]) for f in history.feedback("01A")
    ]


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    """P22: exit 4, a sentence, nothing changed."""
    url = f"sqlite:///{tmp_path}/tocsin.db"
    History(url).cursor("x")
    with sqlite3.connect(tmp_path / "tocsin.db") as db:
        db.execute("UPDATE meta SET value = '99' WHERE key = 'version'")

    with pytest.raises(RefusedError, match="version 99 is of a newer Tocsin"):
        History(url).cursor("x")


@pytest.mark.parametrize("url", ["nonsense", "oracle9i://host/db", ""])
def test_a_url_of_another_kind_names_what_was_expected(url: str) -> None:
    """A configuration error, not a traceback."""
    with pytest.raises(ConfigError, match=r"outputs\.database\.url: expected"):
        History(url)


def test_a_password_is_never_shown() -> None:
    """X30: whether the driver is missing or the server is, the error says nothing of the password."""
    with pytest.raises((UnreachableError, ConfigError)) as caught:
        History("postgresql://tocsin:hunter2@127.0.0.1:1/tocsin").cursor("x")

    assert "hunter2" not in str(caught.value)
