"""The promise and what became of it: counted from the history, against the series that the engine watched."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.history import History, alarms
from detector.timing import DAY_MS, WEEK_MS
from tests.streams import GRID, PARAMETERS, counts, log_of, play
from tocsin.budget_kept import BudgetKept
from tocsin.engine import Engine
from tocsin.exposure import DAYS, Exposure
from tocsin.status import Status

NOW_MS = 20_000 * DAY_MS + 12345


def outcome(**values: Any) -> Any:
    return SimpleNamespace(
        **{
            "t_ms": NOW_MS,
            "promised": 3.0,
            "watched_ms": 500 * WEEK_MS,
            "effective_votes": 2.5,
            "calm_exceedance": {},
        }
        | values
    )


def history_with(tmp_path: Path, *firsts_ms: int, told: bool = True) -> History:
    history = History(f"sqlite:///{tmp_path}/tocsin.db")
    history.cursor("none")  # makes the tables
    with sa.create_engine(f"sqlite:///{tmp_path}/tocsin.db").begin() as db:
        for number, first_ms in enumerate(firsts_ms):
            db.execute(
                sa.insert(alarms),
                {
                    "id": f"a{number}", "state": "resolved", "severity": "major", "revision": 1, "told": told,
                    "was_held": False, "first_tick_ms": first_ms, "tick_ms": first_ms, "body": {},
                },
            )  # fmt: skip
    return history


def test_alarms_told_and_not_confirmed_real_count(tmp_path: Path) -> None:
    """Of four in four weeks one was real; one that was called real and then false is false; an older one is over."""
    recent = NOW_MS - DAY_MS
    history = history_with(tmp_path, recent, recent, recent, recent, NOW_MS - 29 * DAY_MS)
    history.add_feedback("a0", "real", by="ann", at_ms=1)
    history.add_feedback("a1", "real", by="ann", at_ms=1)
    history.add_feedback("a1", "false", by="ann", at_ms=2)
    kept = BudgetKept(lambda: [outcome()], history)
    assert {} == kept.enrich(Status()).budget_realised
    kept.refresh()

    status = kept.enrich(Status())
    assert {"all": 3.0} == status.budget_promised
    assert {"all": pytest.approx(1000 * 3 / 500)} == status.budget_realised
    assert 2.5 == status.effective_votes


def test_what_nobody_was_told_of_does_not_count(tmp_path: Path) -> None:
    kept = BudgetKept(lambda: [outcome()], history_with(tmp_path, NOW_MS - DAY_MS, told=False))
    kept.refresh()
    assert {"all": 0.0} == kept.enrich(Status()).budget_realised


def test_before_the_first_tick_nothing_is_said(tmp_path: Path) -> None:
    kept = BudgetKept(list, history_with(tmp_path))
    kept.refresh()
    assert Status() == kept.enrich(Status())


def test_exposure_is_that_of_the_last_four_weeks() -> None:
    exposure = Exposure()
    for day in range(40):
        exposure.add(day * DAY_MS + 5, 7)
        exposure.add(day * DAY_MS + 9, 3)

    assert DAYS == len(exposure.days)
    assert 10 * DAYS == exposure.total_ms()


def test_the_engine_says_what_it_promised_watched_and_how_many_voices_it_has() -> None:
    """Series x time of its ticks; votes from calm ticks; both outlive a snapshot."""
    engine, outcomes = play(log_of(counts(ticks=24 * 6)))
    last = outcomes[-1]
    lane = engine.lanes[0]

    assert lane.core.watched(lane.state) * last.interval_ms * len(outcomes) == last.watched_ms
    assert lane.core.budget.promised(lane.core.watched(lane.state)) == last.promised
    assert last.effective_votes is not None
    assert 1 <= last.effective_votes <= 3
    again = Engine.load(GRID, PARAMETERS, *engine.save())
    assert lane.exposure == again.lanes[0].exposure
    assert lane.core.votes.effective(lane.state.votes) == lane.core.votes.effective(again.lanes[0].state.votes)
