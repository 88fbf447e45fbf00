"""Positions in a topic by record time, without reading it: where to go on when history came from elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress

from connectors.kafka_client import CONSUMER, KafkaConnection, make_client, unreachable
from connectors.kafka_positions import find_places
from detector.errors import ConfigError

WAIT_S = 30.0  # for brokers and for topics that are being made
PAUSE_S = 1.0


def positions_since(
    connection: KafkaConnection, topics: Sequence[str], since_ms: int, wait_s: float = WAIT_S
) -> dict[str, int]:
    """Partition (`topic/3`) → its first offset with a record time not before `since_ms`.

    Where the broker cannot look up times, or all is older, a partition's beginning: what is too old is late there.
    Raises `UnreachableError` after `wait_s`, `ConfigError` where a topic is not there.
    """
    until, last = time.monotonic() + wait_s, None
    while True:
        try:
            return _ask(connection, topics, since_ms)
        except ConfigError:
            raise
        except Exception as error:  # the client raises far more than KafkaError
            last = error
        if time.monotonic() > until:
            raise unreachable(connection, last) from last
        time.sleep(PAUSE_S)


def _ask(connection: KafkaConnection, topics: Sequence[str], since_ms: int) -> dict[str, int]:
    from kafka import TopicPartition

    consumer = make_client("KafkaConsumer", connection, {**CONSUMER, "group_id": None})
    try:
        found = []
        for topic in topics:
            numbers = consumer.partitions_for_topic(topic)
            if not numbers:
                raise ConfigError(f"topic {topic} does not exist or may not be read")
            found += [TopicPartition(topic, number) for number in sorted(numbers)]
        places, _, _ = find_places(consumer, found, {}, "history", since_ms)
        return {f"{tp.topic}/{tp.partition}": place.offset for tp, place in places.items()}
    finally:
        with suppress(Exception):  # it is being thrown away
            consumer.close(autocommit=False, timeout_ms=2000)
