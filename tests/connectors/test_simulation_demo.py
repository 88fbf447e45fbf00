"""The demo's world: four situations of the sizes told, in order, each in its place, at the same bytes every day."""

from __future__ import annotations

import numpy as np
import pytest

from connectors.simulation import Demo, demo_world
from connectors.simulation.truth import IDENTIFIABLE
from detector.errors import ConfigError

END_MS = 1_790_000_123_456


@pytest.fixture(scope="module")
def demo() -> Demo:
    return demo_world(END_MS)


@pytest.fixture(scope="module")
def live(demo: Demo) -> np.ndarray:
    return demo.world.panel(demo.live_from_minute, demo.world.parameters.minutes).y


def minutes(demo: Demo, begin_ms: int, end_ms: int) -> slice:
    start = demo.world.parameters.start_ms + demo.live_from_minute * 60_000
    return slice((begin_ms - start) // 60_000, (end_ms - start) // 60_000)


def log_change(demo: Demo, live: np.ndarray, span: slice, rows: list[int]) -> float:
    """Log of what came over what is expected of these rows, less the same of the regions without any event."""
    minutes_of_span = range(demo.live_from_minute + span.start, demo.live_from_minute + span.stop)
    expected = np.sum([demo.world.expected(minute) for minute in minutes_of_span], axis=0)
    busy = {*demo.match.regions, *demo.sunny.regions, *demo.news.regions}
    calm = [i for i, key in enumerate(demo.world.leaves[:240]) if key[2] not in busy]
    counts = np.nansum(live[span], axis=0)
    return float(np.log(counts[rows].sum() / expected[rows].sum()) - np.log(counts[calm].sum() / expected[calm].sum()))


def rows_of(demo: Demo, region: str, device: str = "") -> list[int]:
    leaves = demo.world.leaves[: demo.world.watched_count]
    return [i for i, key in enumerate(leaves) if key[2] == region and key[1].startswith(device)]


def test_it_is_small_and_ends_at_the_minute_asked_for(demo: Demo, live: np.ndarray) -> None:
    """At most 300 leaves; four weeks, then ten hours, of which the last minute ends now."""
    assert len(demo.world.leaves) <= 300
    assert END_MS // 60_000 * 60_000 == demo.world.parameters.end_ms
    assert 28 * 1440 == demo.live_from_minute
    assert (600, len(demo.world.leaves)) == live.shape


def test_it_is_the_same_at_any_time_of_day(demo: Demo, live: np.ndarray) -> None:
    """The clock of its regions is its own: another end changes the times, not one value."""
    other = demo_world(END_MS + 11 * 3_600_000 + 17 * 60_000)

    assert live.tobytes() == other.world.panel(28 * 1440, 28 * 1440 + 600).y.tobytes()


def test_the_live_hours_hold_exactly_the_four_situations(demo: Demo) -> None:
    """Beside matches of the past there are one event of each kind and one incident."""
    truth, live_ms = demo.world.truth, demo.world.parameters.start_ms + demo.live_from_minute * 60_000

    assert [demo.sunny, demo.match, demo.news] == [e for e in truth.events if e.end_ms > live_ms]
    assert [demo.failure] == [i.plan for i in truth.incidents]
    assert {"match"} == {e.event_class for e in truth.events if e.end_ms <= live_ms}
    assert 14 == sum(e.end_ms <= live_ms for e in truth.events)


def test_everything_is_over_before_the_end(demo: Demo) -> None:
    """Each situation ends early enough for its verdict to fall."""
    last = demo.world.parameters.end_ms - 30 * 60_000

    assert all(event.ramp[3] <= last for event in (demo.match, demo.sunny, demo.news))


def test_the_calendar_holds_every_match_and_nothing_else(demo: Demo) -> None:
    """Tonight's and the past ones, at their true times."""
    entries = demo.world.calendar_events()

    assert 15 == len(entries)
    assert {"match"} == {entry["class"] for entry in entries}
    assert "match-tonight" == entries[-1]["id"]


@pytest.mark.parametrize("region", ["eu-1", "eu-2"])
def test_the_match_takes_a_third_of_its_regions(demo: Demo, live: np.ndarray, region: str) -> None:
    """Before the failure begins the regions have lost what past matches took."""
    span = minutes(demo, demo.match.ramp[1], demo.failure.start_ms)

    assert -0.40 == pytest.approx(log_change(demo, live, span, rows_of(demo, region)), abs=0.1)


def test_the_failure_is_deep_narrow_and_inside_the_match(demo: Demo, live: np.ndarray) -> None:
    """One device in one region of the match loses 70 % beyond what the match takes, and could not be missed."""
    span = minutes(demo, demo.failure.start_ms + 3 * 60_000, demo.failure.end_ms)
    beyond = log_change(demo, live, span, rows_of(demo, "eu-1", "tv-2")) - log_change(
        demo, live, span, rows_of(demo, "eu-2", "tv-2")
    )
    (incident,) = demo.world.truth.incidents

    assert demo.match.start_ms < demo.failure.start_ms < demo.failure.end_ms < demo.match.end_ms
    assert "eu-1" in demo.match.regions
    assert np.log(0.3) == pytest.approx(beyond, abs=0.15)
    assert 10 * IDENTIFIABLE < incident.information


def test_the_sunny_dip_is_slow_and_small(demo: Demo, live: np.ndarray) -> None:
    """At its bottom a quarter is gone; while it comes, a quarter of an hour takes little more than a hundredth."""
    bottom = minutes(demo, demo.sunny.ramp[1], demo.sunny.ramp[2])
    quarter = np.diff(demo.sunny.profile(np.arange(demo.sunny.start_ms, demo.sunny.ramp[1], 900_000)))
    size = -demo.sunny.effect[0][1]

    assert np.log(0.77) == pytest.approx(log_change(demo, live, bottom, rows_of(demo, "na-1")), abs=0.08)
    assert float(np.abs(quarter).max()) * size < 0.014


def test_the_news_is_sudden_large_and_on_the_witnesses(demo: Demo, live: np.ndarray) -> None:
    """Half of a region is gone within three minutes and each witness of it has lost a fifth or more."""
    span = minutes(demo, demo.news.ramp[1], demo.news.ramp[2])
    before = slice(span.start - 63, span.start - 3)
    witnesses = [i for i, key in enumerate(demo.world.leaves) if key[0] != "requests" and key[2] == "na-3"]
    fall = np.log(live[span.start : span.start + 20, witnesses].mean(axis=0) / live[before, witnesses].mean(axis=0))

    assert np.log(0.5) == pytest.approx(log_change(demo, live, span, rows_of(demo, "na-3")), abs=0.1)
    assert 3 == len(witnesses)
    assert float(fall.max()) < -0.2


def test_a_demo_that_is_too_short_is_refused() -> None:
    """The script needs its ten hours."""
    with pytest.raises(ConfigError, match="expected at least 1 day and 10 hours, got 28 and 9"):
        demo_world(END_MS, hours=9)
