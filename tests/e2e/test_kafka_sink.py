"""The Kafka sink against a real broker."""

from __future__ import annotations

import json

import pytest

from connectors.cloudevents import Envelope
from connectors.kafka_client import KafkaConnection
from connectors.sink import SinkError
from connectors.sinks.kafka import KafkaSink, KafkaSinkSettings
from tests.connectors.alarm_events import alarm_event
from tests.e2e.broker import Broker

pytestmark = pytest.mark.e2e


def test_alarms_arrive_as_cloud_events_keyed_by_their_id(broker: Broker) -> None:
    """Key, headers and body are as documented; revisions of one alarm stay in order in one partition."""
    topic = broker.new_topic(partitions=3)
    sink = KafkaSink(
        KafkaSinkSettings(KafkaConnection((broker.bootstrap,)), topic), Envelope("n0", "https://t.example")
    )
    events = [alarm_event(revision) for revision in (1, 2, 3)]

    sink.send(events)
    sink.close()

    records = broker.read_all(topic, at_least=3)
    assert [event.id for event in events] == [json.loads(record.value or b"")["id"] for record in records]
    assert {events[0].alarm_id.encode()} == {record.key for record in records}
    assert 1 == len({record.partition for record in records})
    expected = {
        "content-type": b"application/cloudevents+json",
        "ce_type": b"org.tocsin.alarm.fired.v1",
        "ce_id": events[0].id.encode(),
    }
    assert expected == records[0].headers


def test_brokers_that_are_down_can_be_tried_again() -> None:
    """An address where nobody listens is a failure that is not permanent, and no producer is kept."""
    sink = KafkaSink(KafkaSinkSettings(KafkaConnection(("127.0.0.1:1",)), "alarms"))

    with pytest.raises(SinkError) as raised:
        sink.send([alarm_event()])

    assert not raised.value.permanent


def test_an_alarm_that_is_too_large_for_the_topic_is_permanent(broker: Broker) -> None:
    """Trying again cannot help; the next alarm goes through."""
    topic = broker.new_topic(config={"max.message.bytes": "2000"})
    sink = KafkaSink(KafkaSinkSettings(KafkaConnection((broker.bootstrap,)), topic))

    with pytest.raises(SinkError) as raised:
        sink.send([alarm_event(body={"summary": "x" * 5000})])
    sink.send([alarm_event(2)])
    sink.close()

    assert (True, "message_size_too_large") == (raised.value.permanent, raised.value.reason)
    assert 1 == len(broker.read_all(topic, at_least=1))
