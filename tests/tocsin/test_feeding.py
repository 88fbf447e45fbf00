"""Feeding: order, keys, layouts, windows, pace, and what is shown meanwhile."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

from connectors.mapping import MetricMapping, RecordMapping
from connectors.records.encode import Encoder
from connectors.tables.block import Block
from detector.errors import ConfigError
from detector.frame import Key, Rejected
from tocsin.feed_progress import FeedProgress
from tocsin.feeding import Message, Pace, Window, messages

T = 1_760_000_040_000
COLUMNS = ("metric", "region")


def mapping(layout: str = "single") -> RecordMapping:
    return RecordMapping(
        layout=layout,  # type: ignore[arg-type]
        samples=() if layout == "single" else ("points",),
        metrics=(MetricMapping(name_path=("metric",)),),
        columns=(("region", ("region",)),),
    )


def block(*samples: tuple[str, int, float]) -> Block:
    keys: list[Key] = [("n", region) for region, _, _ in samples]
    times = np.array([T + minute * 60_000 for _, minute, _ in samples], np.int64)
    return Block(keys, times, np.array([value for _, _, value in samples], np.float64), [])


def fed(layout: str, *blocks: Block, place: int | None = 1, window: Window = Window()) -> list[Message]:  # noqa: B008
    return list(messages(blocks, Encoder(mapping(layout), COLUMNS), place, window))


TWO_MINUTES = (block(("eu", 0, 1), ("us", 0, 2), ("eu", 0, 3)), block(("eu", 1, 4)))


def test_single_messages_are_one_a_sample() -> None:
    """In the order of their times, keyed by place."""
    found = fed("single", *TWO_MINUTES)

    assert [b"eu", b"eu", b"us", b"eu"] == [message.key for message in found]
    assert [1, 3, 2, 4] == [json.loads(message.value)["value"] for message in found]
    assert sorted(message.time_ms for message in found) == [message.time_ms for message in found]


@pytest.mark.parametrize("layout", ["batch", "columnar"])
def test_samples_of_one_time_and_place_share_a_message(layout: str) -> None:
    """Also across blocks; times are never mixed, so that a late reader can close a tick."""
    found = fed(layout, *TWO_MINUTES)

    assert [(b"eu", 2), (b"us", 1), (b"eu", 1)] == [(message.key, message.samples) for message in found]


def test_a_message_has_at_most_a_hundred_samples() -> None:
    """The size that is both fast and small."""
    found = fed("batch", block(*[("eu", 0, n) for n in range(250)]))

    assert [100, 100, 50] == [message.samples for message in found]


def test_without_a_place_a_series_stays_in_one_partition() -> None:
    """All labels are the key."""
    assert [b"n|eu", b"n|eu", b"n|us", b"n|eu"] == [message.key for message in fed("single", *TWO_MINUTES, place=None)]


def test_a_window_takes_its_begin_and_leaves_its_end() -> None:
    """So that two windows that meet feed everything once."""
    first = fed("single", *TWO_MINUTES, window=Window(to_ms=T + 60_000))
    second = fed("single", *TWO_MINUTES, window=Window(from_ms=T + 60_000))

    assert [1, 3, 2] == [json.loads(message.value)["value"] for message in first]
    assert [4] == [json.loads(message.value)["value"] for message in second]


def test_a_gap_is_written_as_null() -> None:
    """NaN is no JSON."""
    (message,) = fed("single", block(("eu", 0, float("nan"))))

    assert json.loads(message.value)["value"] is None


def test_metrics_and_labels_that_the_configuration_does_not_have_are_told() -> None:
    """Before anything wrong is written."""
    two = RecordMapping(metrics=(MetricMapping("requests"),), columns=(("region", ("region",)),))

    with pytest.raises(ConfigError, match="metric 'n' of the input is not in the configuration: requests"):
        Encoder(two, COLUMNS).encode([("n", "eu")], [T], [1.0])
    with pytest.raises(ConfigError, match="the configuration wants the labels region, the input has none"):
        Encoder(two, ("metric",))


class Clock:
    """Time that passes only in sleep."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_speed_paces_event_time() -> None:
    """Ten times as fast as real: a minute takes six seconds; what was sent is flushed before waiting."""
    clock, flushed = Clock(), []
    pace = Pace(10, clock, clock.sleep)
    for minute in range(4):
        pace.wait_for(T + 60_000 * minute, lambda: flushed.append(clock.now))

    assert 118.0 == clock.now
    assert [100.0, 106.0, 112.0] == flushed


def test_after_a_pause_nothing_is_made_up_for() -> None:
    """The time that somebody looked at an alarm is not caught up."""
    clock = Clock()
    pace = Pace(10, clock, clock.sleep)
    pace.wait_for(T, lambda: None)
    clock.now += 1000
    pace.restart()

    pace.wait_for(T + 60_000, lambda: None)
    pace.wait_for(T + 120_000, lambda: None)

    assert 1106.0 == clock.now


def test_without_a_speed_nothing_waits() -> None:
    """As fast as the brokers take it."""
    clock = Clock()
    Pace(None, clock, clock.sleep).wait_for(T, lambda: None)

    assert 100.0 == clock.now


@pytest.mark.parametrize("speed", [0, -1, float("inf"), float("nan")])
def test_a_speed_must_be_a_number_above_zero(speed: float) -> None:
    """B75 at this door."""
    with pytest.raises(ConfigError, match="--speed: expected a number above 0, got"):
        Pace(speed)


def test_without_a_terminal_a_line_per_tenth_is_shown() -> None:
    """Refused rows are shown, at most five one by one, and counted at the end."""
    stream = io.StringIO()
    bad = [Rejected(n, "bad_value", f"a.csv:{n}: value: expected a number") for n in range(2, 9)]
    with FeedProgress(100, "demand", stream) as progress:
        list(progress.refusals([block()._replace(rejected=bad)]))
        for _ in range(100):
            progress.add(1)
        progress.done(7)

    lines = stream.getvalue().splitlines()
    assert 5 == sum("bad_value" in line for line in lines)
    assert 10 == sum(line.startswith("fed ") for line in lines)
    assert "topic demand: 100 samples in 7 messages, all acknowledged, 7 rows refused" == lines[-1]
