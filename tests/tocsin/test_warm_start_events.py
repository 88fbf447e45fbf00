"""Warm starts through a calendar: an event takes the profile only from the leaves that it speaks about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from detector.frame import Key
from detector.schema import Dimension, Metric, Schema
from detector.timing import DAY_MS, HOUR_MS
from suppression.calendar import Calendar, Event, Scope
from tocsin.core import Core, State
from tocsin.parameters import Parameters
from tocsin.past import in_memory
from tocsin.warmup import start_levels

MONDAY_MS = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp() * 1000)
SCHEMA = Schema(
    dimensions=(Dimension("device"), Dimension("region")),
    metrics=(Metric("requests", kind="count"),), place="region", interval_ms=HOUR_MS, lateness_ms=0,
)  # fmt: skip
KEYS: list[Key] = [("requests", d, r) for d in ("phone", "tv", "watch", "web") for r in ("eu", "jp", "na")]
HOURS = np.arange(4 * 168)
SATURDAY, SUNDAY = 5 * 24 + 19, 6 * 24 + 19  # hours of the week
EVENT_FACTOR = 0.4


def weeks(days: tuple[int, ...]) -> np.ndarray:
    """(T, 12) counts: Saturdays and Sundays are thrice as loud in the evening; in eu matches take .6 of 19 o'clock."""
    weekend = HOURS // 24 % 7 >= 5
    shape = np.where(weekend & (HOURS % 24 >= 17), 3.0, 1.0)
    size = np.linspace(300, 600, len(KEYS))
    y = np.random.default_rng(1).poisson(size * shape[:, None]).astype(float)
    eu = np.array([key[2] == "eu" for key in KEYS])
    on = np.ix_(np.isin(HOURS % 168, days), eu)
    y[on] = np.floor(EVENT_FACTOR * y[on])
    return y


def matches(region: str | None, days: tuple[int, ...], hours: int = 1) -> Calendar:
    """Matches in every week of the history, without lead and tail."""
    events = []
    for hour in (168 * week + day for week in range(4) for day in days):
        start = datetime.fromtimestamp(MONDAY_MS / 1000, UTC).replace(tzinfo=None) + timedelta(hours=hour)
        scope = Scope(match={} if region is None else {"region": (region,)}, exclude={})
        events.append(Event(f"match-{hour}", "match", start, timedelta(hours=hours), scope=scope))
    return Calendar(tuple(events))


def learnt(days: tuple[int, ...], calendar: Calendar) -> State:
    core = Core(SCHEMA, Parameters())
    state = core.init()
    state.index.admit(KEYS)
    rows = np.array([state.index.rows[key] for key in KEYS])
    past = in_memory(MONDAY_MS + HOURS * HOUR_MS, rows, weeks(days), metrics=1)
    start_levels(core, state, past, calendar, quiet_ms=2 * DAY_MS)
    return state


def row(state: State, **cuboid: str) -> int:
    lattice = state.index.lattice()
    return next(r for r in range(lattice.size) if state.index.cuboid(r) == cuboid)


def step_up(state: State, r: int) -> float:
    """Log of what row r is expected to do on Saturday at 19 over what it does at noon."""
    slots = len(state.season.season)
    at = [((MONDAY_MS // HOUR_MS) + h) % slots for h in (SATURDAY, SATURDAY - 7)]
    return float(state.season.season[at[0], r]) - float(state.season.season[at[1], r])


@pytest.mark.parametrize("cuboid", [{"region": "na"}, {"device": "tv", "region": "jp"}])
def test_rows_outside_the_scope_learn_what_they_did_during_the_event(cuboid: dict[str, str]) -> None:
    """With a match on each day of the weekend nothing else could tell them."""
    both = (SATURDAY, SUNDAY)
    state = learnt(both, matches("eu", both))
    assert step_up(state, row(state, **cuboid)) == pytest.approx(np.log(3), abs=0.1)


@pytest.mark.parametrize("cuboid", [{"region": "eu"}, {"device": "tv", "region": "eu"}])
def test_rows_in_the_scope_learn_nothing_from_the_event(cuboid: dict[str, str]) -> None:
    """Saturday at 19 follows from Sunday."""
    state = learnt((SATURDAY,), matches("eu", (SATURDAY,)))
    assert step_up(state, row(state, **cuboid)) == pytest.approx(np.log(3), abs=0.12)


def test_without_a_calendar_the_event_becomes_the_profile() -> None:
    state = learnt((SATURDAY,), Calendar())
    assert step_up(state, row(state, region="eu")) == pytest.approx(np.log(3 * EVENT_FACTOR), abs=0.15)


@pytest.mark.parametrize("cuboid", [{}, {"device": "tv"}])
def test_in_a_wide_roll_up_leaves_in_an_event_move_like_the_others(cuboid: dict[str, str]) -> None:
    both = (SATURDAY, SUNDAY)
    state = learnt(both, matches("eu", both))
    assert step_up(state, row(state, **cuboid)) == pytest.approx(np.log(3), abs=0.1)


def test_a_calendar_that_covers_most_of_the_history_is_not_heard() -> None:
    state = learnt((), matches(None, (0,), hours=120))
    assert step_up(state, row(state, region="na")) == pytest.approx(np.log(3), abs=0.1)
