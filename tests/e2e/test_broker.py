"""The broker of the tests does what a broker should."""

from __future__ import annotations

import pytest

from tests.e2e.broker import Broker

pytestmark = pytest.mark.e2e


def test_what_is_produced_is_read_back_in_order(broker: Broker) -> None:
    """Records of two partitions come back with key, value and offset, by partition and offset."""
    topic = broker.new_topic(partitions=2)
    broker.produce(topic, [b"a", b"b"], partition=0, keys=[b"k", None])
    offsets = broker.produce(topic, [b"c", None], partition=1, keys=[None, b"gone"])

    read = broker.read_all(topic)

    assert [0, 1] == offsets
    expected = [(0, 0, b"k", b"a"), (0, 1, None, b"b"), (1, 0, None, b"c"), (1, 1, b"gone", None)]
    assert expected == [(r.partition, r.offset, r.key, r.value) for r in read]


@pytest.mark.parametrize("compression", ["gzip", "lz4", "snappy", "zstd"])
def test_every_codec_of_kafka_makes_the_round_trip(broker: Broker, compression: str) -> None:
    """A batch in each of Kafka's codecs is read back as it was written."""
    topic = broker.new_topic()
    values = [b"sample " * 50 + str(i).encode() for i in range(20)]
    broker.produce(topic, values, compression=compression)

    assert values == [record.value for record in broker.read_all(topic)]


def test_read_all_waits_for_as_many_as_asked(broker: Broker) -> None:
    """With `at_least`, reading gives up only after the given time, and returns what there is."""
    topic = broker.new_topic()
    broker.produce(topic, [b"one"])

    assert [b"one"] == [record.value for record in broker.read_all(topic, at_least=2, seconds=0.5)]
