"""The Kafka sink when its producer fails: a fake producer, no broker."""

from __future__ import annotations

from typing import Any

import pytest
from kafka.errors import (
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotEnoughReplicasError,
    TopicAuthorizationFailedError,
)

from connectors.kafka_client import PRODUCER, KafkaConnection
from connectors.sink import SinkError
from connectors.sinks.kafka import KafkaSink, KafkaSinkSettings
from tests.connectors.alarm_events import alarm_event


class Future:
    """What `send` gives; only it knows how the sending ended."""

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    def get(self, timeout: float) -> None:
        assert timeout > 0
        if self._error is not None:
            raise self._error


class Producer:
    """Keeps what is sent; its futures fail as told."""

    def __init__(self, errors: list[Exception | None]) -> None:
        self.errors, self.sent, self.is_closed = errors, 0, False

    def send(self, topic: str, **record: Any) -> Future:
        self.sent += 1
        return Future(self.errors.pop(0) if self.errors else None)

    def close(self, timeout: float) -> None:
        self.is_closed = True


def make(*errors: Exception | None) -> tuple[KafkaSink, list[Producer]]:
    made: list[Producer] = []

    def make_producer() -> Producer:
        made.append(Producer(list(errors) if not made else []))
        return made[-1]

    settings = KafkaSinkSettings(KafkaConnection(("b:9092",)), "alarms")
    return KafkaSink(settings, make_producer=make_producer), made


@pytest.mark.parametrize(
    ("error", "is_permanent", "reason"),
    [
        (NotEnoughReplicasError(), False, "not_enough_replicas"),
        (KafkaTimeoutError("expired"), False, "kafka_timeout"),
        (TopicAuthorizationFailedError("alarms"), True, "topic_authorization_failed"),
        (MessageSizeTooLargeError(), True, "message_size_too_large"),
        (OSError("broken pipe"), False, "unreachable"),
    ],
)
def test_a_failed_future_is_a_failed_delivery(error: Exception, is_permanent: bool, reason: str) -> None:
    """F34, F36: what `flush` would hide; the producer is thrown away, and the next sending has a new one."""
    sink, made = make(None, error)

    with pytest.raises(SinkError) as raised:
        sink.send([alarm_event(1), alarm_event(2)])
    sink.send([alarm_event(1), alarm_event(2)])

    assert (is_permanent, reason) == (raised.value.permanent, raised.value.reason)
    assert str(raised.value).startswith("kafka: topic alarms: ")
    assert (2, True, False, 1) == (len(made), made[0].is_closed, made[1].is_closed, sink.rebuilds)


def test_one_producer_serves_all_deliveries_that_succeed() -> None:
    """It is made at the first one."""
    sink, made = make()

    sink.send([alarm_event(1)])
    sink.send([alarm_event(2)])
    sink.close()

    assert [(2, True)] == [(producer.sent, producer.is_closed) for producer in made]


def test_the_producers_settings_are_those_that_field_use_taught() -> None:
    """Acknowledged by all, idempotent, expiring in half a minute."""
    expected = {"acks": "all", "enable_idempotence": True, "delivery_timeout_ms": 30_000, "linger_ms": 5}

    assert expected == {name: PRODUCER[name] for name in expected}
