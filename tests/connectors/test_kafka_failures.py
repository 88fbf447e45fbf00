"""The Kafka source when its client fails: a fake client that fails on demand, a fake clock, no broker."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import (
    CorruptRecordError,
    KafkaConnectionError,
    KafkaTimeoutError,
    OffsetOutOfRangeError,
    UnsupportedCodecError,
)

from connectors.codecs.json import JsonCodec
from connectors.kafka_client import KafkaConnection, check_parts
from connectors.kafka_isolate import next_readable
from connectors.kafka_positions import resume
from connectors.mapping import RecordMapping
from connectors.sources.kafka import KafkaSettings, KafkaSource
from detector.errors import ConfigError
from detector.frame import Batch, Lost

TP = TopicPartition("t", 0)


class Message:
    """One record as kafka-python gives it."""

    def __init__(self, offset: int) -> None:
        self.offset, self.timestamp, self.key, self.headers = offset, 1_760_000_000_000 + offset, None, []
        body = {"ts": self.timestamp, "device": "d", "region": "r", "activity": "a", "value": offset}
        self.value = json.dumps(body).encode()


class Log:
    """One partition on a fake broker: which offsets there are, which cannot be read, and what goes wrong next."""

    def __init__(self, end: int = 100, begin: int = 0) -> None:
        self.begin, self.end = begin, end
        self.broken: list[range] = []
        self.failures: list[Exception] = []  # raised by the next polls, one each
        self.is_down = self.is_stuck = self.has_topic = False
        self.clients = 0
        self.has_topic = True


class Client:
    """The part of KafkaConsumer that the source uses; a broken batch makes it useless for ever, as the real one."""

    def __init__(self, log: Log) -> None:
        if log.is_down:
            raise KafkaTimeoutError("no brokers")
        log.clients += 1
        self._log, self._at, self._is_dead = log, 0, False
        self._assigned: set[Any] = set()

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return {0} if self._log.has_topic else None

    def assignment(self) -> set[Any]:
        return self._assigned

    def assign(self, partitions: list[Any]) -> None:
        self._assigned = set(partitions)

    def seek(self, tp: Any, offset: int) -> None:
        self._at = offset

    def position(self, tp: Any, timeout_ms: int | None = None) -> int:
        return self._at

    def beginning_offsets(self, partitions: list[Any]) -> dict[Any, int]:
        return {TP: self._log.begin}

    def end_offsets(self, partitions: list[Any], timeout_ms: int | None = None) -> dict[Any, int]:
        if self._log.is_down:
            raise KafkaTimeoutError("no answer")
        return {TP: self._log.end}

    def offsets_for_times(self, times: dict[Any, int]) -> dict[Any, None]:
        return dict.fromkeys(times)

    def poll(self, timeout_ms: int = 0, max_records: int = 10) -> dict[Any, list[Message]]:
        assert not self._is_dead, "a client that met broken bytes hangs for ever"
        log = self._log
        if log.failures:
            raise log.failures.pop(0)
        if log.is_stuck or log.is_down:
            return {}
        if self._at < log.begin:
            raise OffsetOutOfRangeError({TP: self._at})
        bad = next((batch for batch in log.broken if self._at in batch), None)
        if bad is not None:
            self._is_dead = True
            raise CorruptRecordError("crc")
        stops = [batch.start for batch in log.broken if batch.start > self._at]
        until = min([self._at + max_records, log.end, *stops])
        found = [Message(offset) for offset in range(self._at, until)]
        self._at = until
        return {TP: found} if found else {}

    def close(self, autocommit: bool = True, timeout_ms: int | None = None) -> None:
        """Gone."""


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def make(log: Log, clock: Clock | None = None) -> KafkaSource:
    clock = clock or Clock()
    return KafkaSource(
        KafkaSettings(KafkaConnection(("b:9092",)), ("t",)),
        JsonCodec(RecordMapping()),
        wall_ms=lambda: 1_760_000_000_000,
        monotonic=clock,
        sleep=clock.sleep,
        make_consumer=lambda: Client(log),
    )


def read(source: KafkaSource, clock: Clock, polls: int = 60) -> list[Batch]:
    batches: list[Batch] = []
    for _ in range(polls):
        batches += source.poll(0.5)
        clock.now += 0.5
    return batches


def values(batches: list[Batch]) -> list[float]:
    return [value for batch in batches for value in batch.value.tolist()]


@pytest.mark.parametrize(
    "error",
    [KafkaConnectionError("gone"), KafkaTimeoutError("slow"), OSError("reset"), UnsupportedCodecError("codec"),
     ValueError("nonsense"), CorruptRecordError("crc on the way")],
)  # fmt: skip
def test_any_failure_of_the_client_loses_and_repeats_nothing(error: Exception) -> None:
    """A new client goes on at our position; what was damaged only on the way is read; the failure is counted."""
    log, clock = Log(), Clock()
    source = make(log, clock)
    source.open({})
    first = source.poll(0.5)
    log.failures = [error]

    rest = read(source, clock)

    assert list(range(100)) == values(first + rest)
    assert (1, []) == (source.rebuilds, [lost for batch in rest for lost in batch.lost])
    assert "reading 1 partitions of t" == source.status()


def test_broken_batches_are_lost_as_ranges_and_the_rest_is_read() -> None:
    """B12: two of them, one at the very end."""
    log, clock = Log(end=1000), Clock()
    log.broken = [range(37, 451), range(990, 1000)]
    source = make(log, clock)
    source.open({})

    batches = read(source, clock, polls=150)

    assert [*range(37), *range(451, 990)] == values(batches)
    expected = [Lost(37, 451, "unreadable_batch"), Lost(990, 1000, "unreadable_batch")]
    assert expected == [lost for batch in batches for lost in batch.lost]
    assert log.clients < 60
    assert 1000 == batches[-1].next_offset


def test_bytes_that_break_while_brokers_go_down_are_met_again() -> None:
    """The search for the next readable offset fails; nothing is skipped by mistake."""
    log, clock = Log(end=100), Clock()
    log.broken = [range(10, 20)]
    source = make(log, clock)
    source.open({})
    before = source.poll(0.5)
    log.is_down = True

    source._recover(CorruptRecordError("crc"))
    log.is_down = False
    rest = read(source, clock)

    assert [*range(10), *range(20, 100)] == values(before + rest)
    assert [Lost(10, 20, "unreadable_batch")] == [lost for batch in rest for lost in batch.lost]


def test_brokers_that_come_back_are_read_within_five_seconds() -> None:
    """F15, F16: the wait between tries stays short, however long they were away."""
    log, clock = Log(), Clock()
    log.is_down = True
    source = make(log, clock)
    source.open({})
    for _ in range(200):
        assert [] == source.poll(0.5)
        clock.now += 0.01
    status, log.is_down, back = source.status(), False, clock.now

    while not (batches := source.poll(0.5)):
        clock.now += 0.01

    assert "KafkaTimeoutError: no brokers; trying again" == status
    assert clock.now - back < 5
    assert 0 == values(batches)[0]
    assert 0 == source.rebuilds


def test_waiting_for_brokers_sleeps() -> None:
    """F15: no busy loop."""
    log, clock = Log(), Clock()
    log.is_down = True
    source = make(log, clock)
    source.open({})

    for _ in range(100):
        source.poll(1.0)

    assert clock.now > 60


def test_a_partition_that_stands_still_gets_a_new_client() -> None:
    """Known bugs of the client: lag, no error, no advance; after half a minute it is made anew."""
    log, clock = Log(), Clock()
    source = make(log, clock)
    source.open({})
    source.poll(0.5)
    log.is_stuck = True
    read(source, clock, polls=100)
    rebuilds, log.is_stuck = source.rebuilds, False

    rest = read(source, clock)

    assert 1 <= rebuilds <= 2
    assert list(range(10, 100)) == values(rest)


def test_a_partition_without_lag_may_stand_still() -> None:
    """Nothing to read is no failure."""
    log, clock = Log(end=10), Clock()
    source = make(log, clock)
    source.open({})

    read(source, clock, polls=400)

    assert 0 == source.rebuilds
    assert {"t/0": (0, 1_760_000_000_009)} == source.lag()


def test_a_topic_that_disappears_is_waited_for() -> None:
    """The status says so, and what was read stays read."""
    log, clock = Log(end=10), Clock()
    source = make(log, clock)
    source.open({})
    read(source, clock, polls=5)
    log.has_topic = False
    read(source, clock, polls=200)
    status, log.has_topic, log.end = source.status(), True, 15

    rest = read(source, clock)

    assert "topic t does not exist or may not be read; trying again" == status
    assert [10, 11, 12, 13, 14] == values(rest)


def test_a_programming_mistake_in_the_options_is_told() -> None:
    """An option that the client does not know is a ConfigError, not an endless retry."""
    connection = KafkaConnection(("127.0.0.1:1",), client_options=(("no_such_option", 1),))
    source = KafkaSource(KafkaSettings(connection, ("t",)), JsonCodec(RecordMapping()))
    source.open({})

    with pytest.raises(ConfigError, match="no_such_option"):
        source.poll(0.1)


def test_missing_parts_are_named_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """B12: without a codec a batch would make the client hang, so we do not even start."""
    monkeypatch.setattr("connectors.kafka_client._has", lambda module: module not in ("zstandard", "crc32c"))

    with pytest.raises(ConfigError) as raised:
        check_parts()

    assert "found none of: crc32c (checksums), zstandard (codec zstd)" in str(raised.value)


def test_secrets_are_not_shown() -> None:
    """X31: neither by repr nor in the options of a plain connection."""
    connection = KafkaConnection(("b:1",), "SASL_SSL", "PLAIN", "u", "canary-1", ssl_password="canary-2")

    assert "canary" not in repr(connection)
    assert "canary-1" == connection.options({})["sasl_plain_password"]


@pytest.mark.parametrize(
    ("kept", "offset", "lost"),
    [(5, 20, Lost(5, 20, "retention")), (20, 20, None), (30, 30, None), (50, 50, None), (51, 20, None)],
)
def test_a_kept_position_is_gone_on_with_or_explained(kept: int, offset: int, lost: Lost | None) -> None:
    """A log from 20 to 50."""
    place = resume(kept, 20, 50)

    assert (offset, lost, kept > 50) == (place.offset, place.lost, bool(place.notice))


def test_the_end_of_a_broken_stretch_is_found_in_few_looks() -> None:
    """Wherever it ends, in about 2 log2(n) looks; never beyond the end of the log."""
    for first, after, end in [(0, 0, 10), (0, 1, 10), (3, 10, 10), (0, 700, 100_000), (5, 99_999, 100_000), (7, 8, 8)]:
        looks: list[int] = []

        def is_readable(offset: int, after: int = after, looks: list[int] = looks) -> bool:
            looks.append(offset)
            return offset >= after

        found: Callable[..., int] = next_readable
        assert after == found(is_readable, first, end)
        assert len(looks) <= 36
        assert all(offset < end for offset in looks)


def test_it_is_caught_up_only_as_far_as_the_brokers_say() -> None:
    """Not before they were asked, not with something to read, not a while after they have stopped to answer."""
    log, clock = Log(), Clock()
    source = make(log, clock)
    source.open({})
    before = source.is_caught_up()
    source.poll(0.5)
    reading = source.is_caught_up()
    read(source, clock)
    there = source.is_caught_up()
    log.is_down = True
    read(source, clock, polls=12)
    down = source.is_caught_up()
    log.is_down = False
    log.end = 200
    source.poll(0.5)
    behind = source.is_caught_up()
    read(source, clock)

    assert (False, False, True, False, False, True) == (before, reading, there, down, behind, source.is_caught_up())


def test_no_batch_reaches_over_an_offset_where_it_must_end() -> None:
    """Each ends before it, whatever a poll brings; other partitions and offsets in between do not matter."""
    log, clock = Log(), Clock()
    source = make(log, clock)
    source.split_at({"t/0": {25, 27, 60, 500}, "t/1": {33}})
    source.open({})
    batches = read(source, clock)
    ends = [batch.next_offset for batch in batches]

    assert list(range(100)) == values(batches)
    assert {25, 27, 60} <= set(ends)
    assert 33 not in ends
