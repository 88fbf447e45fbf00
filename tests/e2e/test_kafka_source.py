"""The Kafka source against a real broker: positions, starts, losses, unreadable batches, ends."""

from __future__ import annotations

import json
import time

import pytest

from connectors import bounded_decoders
from connectors.codecs.json import JsonCodec
from connectors.feed_end import end_record
from connectors.kafka_client import KafkaConnection
from connectors.mapping import RecordMapping
from connectors.sources.kafka import KafkaSettings, KafkaSource
from detector.frame import Batch, Lost
from tests.e2e.broker import Broker

pytestmark = pytest.mark.e2e
T = 1_760_000_000_000


def sample(number: int) -> bytes:
    return json.dumps({"ts": T + number, "device": "tv", "region": "eu", "activity": "play", "value": number}).encode()


def samples(first: int, last: int) -> list[bytes | None]:
    return [sample(number) for number in range(first, last)]


def source(broker: Broker, topic: str, **settings: object) -> KafkaSource:
    connection = KafkaConnection((broker.bootstrap,))
    return KafkaSource(KafkaSettings(connection, (topic,), **settings), JsonCodec(RecordMapping()))  # type: ignore[arg-type]


def read(found: KafkaSource, expected: int, seconds: float = 30.0) -> list[Batch]:
    """Polls until so many samples came, and once more for what should not come."""
    batches: list[Batch] = []
    until = time.monotonic() + seconds
    while sum(map(len, batches)) < expected and time.monotonic() < until:
        batches += found.poll(0.2)
    return batches + found.poll(0.2)


def values(batches: list[Batch]) -> list[float]:
    return [value for batch in batches for value in batch.value.tolist()]


def test_a_topic_is_read_from_history_and_gone_on_with_from_kept_positions(broker: Broker) -> None:
    """Without positions all of the young topic is read; with them, each partition goes on at its own."""
    topic = broker.new_topic(partitions=2)
    broker.produce(topic, samples(0, 50), partition=0)
    broker.produce(topic, samples(50, 100), partition=1)
    first, second = source(broker, topic), source(broker, topic)
    first.open({})
    second.open({f"{topic}/0": 40, f"{topic}/1": 45})

    whole, rest = read(first, 100), read(second, 15)

    assert list(range(100)) == sorted(values(whole))
    assert {f"{topic}/0": 50, f"{topic}/1": 50} == {batch.partition: batch.next_offset for batch in whole}
    assert [*range(40, 50), *range(95, 100)] == sorted(values(rest))
    assert {f"{topic}/0", f"{topic}/1"} == set(first.partitions())
    assert [0, 0] == [behind for behind, _ in first.lag().values()]
    assert topic in first.identity()
    first.close()
    second.close()


def test_latest_reads_only_what_comes_after_the_start(broker: Broker) -> None:
    """`start: latest` skips what is there."""
    topic = broker.new_topic()
    broker.produce(topic, samples(0, 10))
    found = source(broker, topic, start="latest")
    found.open({})

    before = found.poll(1.0)
    broker.produce(topic, samples(10, 13))

    assert [] == before
    assert [10, 11, 12] == values(read(found, 3))
    found.close()


def test_history_skips_what_is_older_than_it_wants(broker: Broker) -> None:
    """`start: history` looks up the offset by record time."""
    topic = broker.new_topic()
    now = time.time_ns() // 1_000_000
    broker.produce(topic, samples(0, 10), timestamp_ms=now - 3_600_000)
    broker.produce(topic, samples(10, 20), timestamp_ms=now)
    found = source(broker, topic, rebuild_history_ms=600_000)
    found.open({})

    assert list(range(10, 20)) == values(read(found, 10))
    found.close()


def test_a_missing_topic_is_waited_for(broker: Broker) -> None:
    """B79: no error and no exit; the status says what is missing; it is read once it is there."""
    topic = "late-" + broker.new_topic()
    found = source(broker, topic)
    found.open({})

    nothing, status, is_reading = found.poll(0.5), found.status(), found.is_reading
    broker.create_topic(topic)
    broker.produce(topic, samples(0, 3))

    assert ([], False) == (nothing, is_reading)
    assert f"topic {topic} does not exist or may not be read; trying again" == status
    assert [0, 1, 2] == values(read(found, 3))
    assert found.is_reading
    found.close()


def test_what_retention_took_is_counted_exactly_once(broker: Broker) -> None:
    """F13: a kept position below the log's beginning gives one lost range, and reading goes on at the beginning."""
    topic = broker.new_topic()
    broker.produce(topic, samples(0, 30))
    broker.delete_records(topic, 0, 20)
    found = source(broker, topic)
    found.open({f"{topic}/0": 5})

    batches = read(found, 10)

    assert [Lost(5, 20, "retention")] == [lost for batch in batches for lost in batch.lost]
    assert list(range(20, 30)) == values(batches)
    assert 0 == found.rebuilds
    found.close()


def test_what_retention_takes_while_reading_is_counted_exactly_once(broker: Broker) -> None:
    """The broker's answer 'offset out of range' in mid-run gives the same lost range."""
    topic = broker.new_topic()
    broker.produce(topic, samples(0, 30))
    found = source(broker, topic)
    found.open({})
    first = read(found, 30)
    (partition,) = found._consumer.assignment()
    broker.delete_records(topic, 0, 20)
    found._positions[partition] = 5  # as if retention had been faster than we
    found._consumer.seek(partition, 5)

    batches = read(found, 10)

    assert list(range(30)) == values(first)
    assert [Lost(5, 20, "retention")] == [lost for batch in batches for lost in batch.lost]
    assert list(range(20, 30)) == values(batches)
    assert 0 == found.rebuilds
    found.close()


def test_a_topic_that_ends_before_our_position_is_read_from_its_beginning(broker: Broker) -> None:
    """F14: the topic was made anew; that is announced, and nothing is counted as lost."""
    topic = broker.new_topic()
    broker.produce(topic, samples(0, 4))
    found = source(broker, topic)
    found.open({f"{topic}/0": 1000})

    batches = read(found, 4)

    assert [0, 1, 2, 3] == values(batches)
    assert [] == [lost for batch in batches for lost in batch.lost]
    assert "was made anew or cut" in found.status()
    found.close()


@pytest.mark.parametrize("compression", ["gzip", "snappy", "lz4", "zstd"])
def test_a_batch_that_unpacks_to_too_much_is_skipped(
    broker: Broker, compression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B11, B12: the bomb is lost as one range; what stands before and behind it is read; nothing hangs."""
    install = bounded_decoders.install
    monkeypatch.setattr(bounded_decoders, "install", lambda: install(200_000))
    topic = broker.new_topic()
    broker.produce(topic, samples(0, 20), compression=compression)
    broker.produce(topic, [b"0" * 900_000], compression=compression)
    broker.produce(topic, samples(20, 40), compression=compression)
    found = source(broker, topic)
    found.open({})
    try:
        batches = read(found, 40)
    finally:
        install()

    assert list(range(40)) == values(batches)
    assert [Lost(20, 21, "unreadable_batch")] == [lost for batch in batches for lost in batch.lost]
    assert 1 == found.rebuilds
    found.close()


def test_the_end_of_a_feed_closes_its_partition_and_finishes_the_source(broker: Broker) -> None:
    """The control record is no sample; it carries the promise; a restart behind it knows that all is finished."""
    topic = broker.new_topic()
    broker.produce(topic, samples(0, 3))
    value, headers = end_record(T + 60_000)
    produce_with_headers(broker, topic, value, headers)
    found, again = source(broker, topic), source(broker, topic)
    found.open({})
    again.open({f"{topic}/0": 4})

    batches = read(found, 3)
    nothing = again.poll(1.0)

    assert [T + 60_000] == [batch.closes_ms for batch in batches if batch.closes_ms]
    assert ([0, 1, 2], 0) == (values(batches), sum(len(batch.rejected) for batch in batches))
    assert found.is_finished()
    assert ([], True) == (nothing, again.is_finished())
    found.close()
    again.close()


def test_samples_after_an_end_come_in_a_batch_of_their_own(broker: Broker) -> None:
    """A second feed into a closed topic is read, and the source is not finished any more."""
    topic = broker.new_topic()
    broker.produce(topic, samples(0, 2))
    produce_with_headers(broker, topic, *end_record(T + 60_000))
    broker.produce(topic, samples(2, 4))
    found = source(broker, topic)
    found.open({})

    batches = read(found, 4)

    assert [(2, T + 60_000), (2, None)] == [(len(batch), batch.closes_ms) for batch in batches]
    assert not found.is_finished()
    found.close()


def test_brokers_that_are_down_are_an_empty_poll(broker: Broker) -> None:
    """F15: opening and polling without brokers raises nothing and says why."""
    found = KafkaSource(KafkaSettings(KafkaConnection(("127.0.0.1:1",)), ("t",)), JsonCodec(RecordMapping()))
    found.open({})

    assert [] == found.poll(0.1)
    assert "trying again" in found.status()
    assert not found.is_reading
    found.close()


def produce_with_headers(broker: Broker, topic: str, value: bytes, headers: list[tuple[str, bytes]]) -> None:
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, acks="all")
    producer.send(topic, value, headers=headers, partition=0).get(30)
    producer.close()
