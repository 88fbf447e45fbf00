"""Control records: in force from the tick they were journalled for, at the same place in every replay."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.journal import Journal
from detector.errors import ConfigError
from suppression.calendar import Calendar, Scope
from suppression.silence import Silence
from tocsin.controls_log import ControlsLog, Files, pack


def parse_calendar(files: Files) -> Calendar:
    if "broken" in files:
        raise ConfigError("broken: no longer accepted")
    return Calendar()


def parse_silences(files: Files) -> tuple[Silence, ...]:
    return tuple(Silence(name, Scope({}, {}), 0, 1, "ann", text) for name, text in files.items())


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.db")


def log_of(journal: Journal) -> ControlsLog:
    return ControlsLog(journal, parse_calendar, parse_silences)


def test_a_decision_applies_after_the_ticks_that_were_stepped(journal: Journal) -> None:
    """Journalled after tick 60, it is not in force at 60 and is at 120, then and in a replay."""
    log = log_of(journal)
    log.append("acknowledge", "A", 60, 0)

    live = [log.at(60).acknowledged, log.at(120).acknowledged]
    replay = log_of(journal)

    assert live == [frozenset(), frozenset({"A"})]
    assert live == [replay.at(60).acknowledged, replay.at(120).acknowledged]


def test_records_never_go_back_in_time(journal: Journal) -> None:
    """A second decision is not in force before the first one, whatever tick it is stamped for."""
    log = log_of(journal)

    stamps = [log.append("acknowledge", str(n), after, 0).tick_ms for n, after in enumerate((None, 600, 60))]

    assert stamps == [0, 601, 601]


def test_idle_and_active_follow_each_other(journal: Journal) -> None:
    """What holds no tick back after a tick; what is a gap at a tick."""
    log = log_of(journal)
    log.append("idle", "t/1", 60, 0)
    log.append("active", "t/1", 180, 0)

    after = [log.idle_after(tick) for tick in (None, 0, 60, 120, 180)]

    assert after == [frozenset(), frozenset(), {"t/1"}, {"t/1"}, frozenset()]
    assert log.idle() == frozenset()
    assert log.at(120).idle == {"t/1"}


def test_a_file_replaces_the_one_before(journal: Journal) -> None:
    """Silences are the content of the newest record of their kind."""
    log = log_of(journal)
    log.append("silences", pack({"a": "x", "b": "y"}), None, 0)
    log.append("silences", pack({"c": "z"}), 60, 0)

    assert [s.id for s in log.at(60).silences] == ["a", "b"]
    assert [s.id for s in log.at(120).silences] == ["c"]


def test_an_old_record_that_is_no_longer_accepted_keeps_the_one_before(journal: Journal) -> None:
    """A stricter program must still start with the journal of its predecessor."""
    log = log_of(journal)
    log.append("silences", pack({"a": "x"}), None, 0)
    log.append("calendar", pack({"broken": ""}), None, 0)

    assert [s.id for s in log.at(60).silences] == ["a"]
