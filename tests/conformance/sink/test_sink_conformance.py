"""Every sink in the table keeps the contract of `connectors/sink.py`."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from connectors.sink import Sink, SinkError
from connectors.sinks import KINDS, resolve
from detector.errors import ConfigError
from tests.connectors.alarm_events import alarm_event
from tests.connectors.receiver import Receiver


class Example(NamedTuple):
    """A sink, what its receiver has got (ids in order), and how to make the receiver fail, where it can."""

    sink: Sink
    received: Callable[[], list[str]]
    fail: Callable[[], None] | None
    is_permanent: bool = False


def _memory(request: pytest.FixtureRequest) -> Example:
    sink = resolve("memory")()
    return Example(sink, lambda: [event.id for event in sink.events], None)  # type: ignore[attr-defined]


def _stdout(request: pytest.FixtureRequest) -> Example:
    stream = io.BytesIO()
    sink = resolve("stdout")(stream=stream)  # type: ignore[call-arg]
    return Example(
        sink,
        lambda: [json.loads(line)["id"] for line in stream.getvalue().splitlines()],
        stream.close,
        is_permanent=True,
    )


def _webhook(request: pytest.FixtureRequest) -> Example:
    from connectors.sinks.webhook import WebhookSettings

    receiver: Receiver = request.getfixturevalue("receiver")
    sink = resolve("webhook")(WebhookSettings(receiver.url, secret="s3cret"))  # type: ignore[call-arg]
    return Example(
        sink, lambda: [json.loads(r.body)["id"] for r in receiver.requests], lambda: receiver.answer(status=503)
    )


def _kafka(request: pytest.FixtureRequest) -> Example:
    from connectors.kafka_client import KafkaConnection
    from connectors.sinks.kafka import KafkaSinkSettings
    from tests.e2e.broker import Broker

    broker: Broker = request.getfixturevalue("broker")
    topic = broker.new_topic()
    sink = resolve("kafka")(KafkaSinkSettings(KafkaConnection((broker.bootstrap,)), topic))  # type: ignore[call-arg]
    return Example(sink, lambda: [json.loads(r.value or b"")["id"] for r in broker.read_all(topic, at_least=1)], None)


EXAMPLES: dict[str, Callable[[pytest.FixtureRequest], Example]] = {
    "kafka": _kafka,
    "memory": _memory,
    "stdout": _stdout,
    "webhook": _webhook,
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A local HTTP receiver."""
    with Receiver() as found:
        yield found


@pytest.fixture(params=[pytest.param(k, marks=pytest.mark.e2e if k == "kafka" else ()) for k in sorted(KINDS)])
def example(request: pytest.FixtureRequest) -> Example:
    """One sink per kind of the table."""
    assert request.param in EXAMPLES, f"add an example of the sink {request.param!r} to {__name__}"
    return EXAMPLES[request.param](request)


def test_what_was_sent_is_there_when_send_returns(example: Example) -> None:
    """All events, in order, each under its own id."""
    events = [alarm_event(1), alarm_event(2), alarm_event(1, region="us"), alarm_event(3)]

    example.sink.send(events)

    assert [event.id for event in events] == example.received()
    example.sink.close()


def test_a_second_copy_has_the_same_id(example: Example) -> None:
    """At least once: the receiver can drop it."""
    example.sink.send([alarm_event(1)])
    example.sink.send([alarm_event(1)])

    assert [alarm_event(1).id] * 2 == example.received()
    example.sink.close()


def test_nothing_to_send_is_fine_and_closing_twice_too(example: Example) -> None:
    """Neither touches the receiver."""
    example.sink.send([])
    example.sink.close()
    example.sink.close()

    assert example.sink.name


def test_a_failure_says_whether_trying_again_can_help(example: Example) -> None:
    """A SinkError with a short reason for the metric; sinks that cannot fail are excused by having no way to fail."""
    if example.fail is None:
        assert type(example.sink).__name__ in ("KafkaSink", "MemorySink")
        return
    example.fail()

    with pytest.raises(SinkError) as raised:
        example.sink.send([alarm_event(1)])

    assert example.is_permanent == raised.value.permanent
    assert raised.value.reason.replace("_", "").isalnum()
    assert example.sink.name in str(raised.value)


def test_an_unknown_kind_is_named_with_those_that_exist() -> None:
    """The table is the list."""
    with pytest.raises(ConfigError, match="sinks: expected one of kafka, memory, stdout, webhook, got 'pigeon'"):
        resolve("pigeon")
