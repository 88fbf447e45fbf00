"""The Kafka sink: CloudEvents keyed by alarm id, by an idempotent producer whose every future is looked at."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from connectors.cloudevents import CONTENT_TYPE, Envelope, encode, event_type
from connectors.kafka_client import PRODUCER, KafkaConnection, describe, make_client
from connectors.sink import SinkError
from detector.errors import ConfigError
from suppression.alarm import AlarmEvent

STALL_S = 30.0  # the oldest unacknowledged event may wait so long, then the producer is made anew
METADATA_MS = 10_000  # for brokers or a topic that are not there
BOOTSTRAP_MS = 5_000
PERMANENT = frozenset(
    {
        "TopicAuthorizationFailedError", "ClusterAuthorizationFailedError", "InvalidTopicError", "InvalidRecordError",
        "MessageSizeTooLargeError", "RecordListTooLargeError", "UnsupportedForMessageFormatError",
        "PolicyViolationError",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class KafkaSinkSettings:
    """The topic of alarms and how to reach it."""

    connection: KafkaConnection
    topic: str
    name: str = "kafka"
    stall_s: float = STALL_S


class KafkaSink:
    """Delivers when the broker has acknowledged every record: the future says so, `flush` hides what expired.

    The key is the alarm's id, so that all revisions of an alarm stay in order in one partition, and a compacted topic
    holds the latest. After any failure the producer is thrown away: it may be stuck for good. `rebuilds` counts that.
    """

    def __init__(
        self,
        settings: KafkaSinkSettings,
        envelope: Envelope | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        make_producer: Callable[[], Any] | None = None,
    ) -> None:
        self.name = settings.name
        self.rebuilds = 0
        self._settings = settings
        self._envelope = envelope or Envelope()
        self._monotonic = monotonic
        self._make_producer = make_producer or self._new_producer
        self._producer: Any = None

    def send(self, events: Sequence[AlarmEvent]) -> None:
        deadline = self._monotonic() + self._settings.stall_s
        try:
            if self._producer is None:
                self._producer = self._make_producer()
            futures = [self._start(event) for event in events]
            for future in futures:
                future.get(timeout=max(0.001, deadline - self._monotonic()))
        except ConfigError:
            raise
        except Exception as error:  # the client raises more than KafkaError
            self._give_up_producer()
            raise self._error(error) from error

    def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(Exception):  # what was not acknowledged is still in the journal
                producer.close(timeout=5)

    def _start(self, event: AlarmEvent) -> Any:
        return self._producer.send(
            self._settings.topic,
            value=encode(event, self._envelope),
            key=event.alarm_id.encode(),
            headers=[
                ("content-type", CONTENT_TYPE.encode()),
                ("ce_type", event_type(event).encode()),
                ("ce_id", event.id.encode()),
            ],
        )

    def _new_producer(self) -> Any:
        options = {**PRODUCER, "max_block_ms": METADATA_MS, "bootstrap_timeout_ms": BOOTSTRAP_MS}
        return make_client("KafkaProducer", self._settings.connection, options)

    def _give_up_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            self.rebuilds += 1
            with suppress(Exception):  # it may be the reason for the failure
                producer.close(timeout=0)

    def _error(self, error: Exception) -> SinkError:
        kind = type(error).__name__
        place = f"{self.name}: topic {self._settings.topic}"
        return SinkError(f"{place}: {describe(error)}", permanent=kind in PERMANENT, reason=_reason(kind))


def _reason(kind: str) -> str:
    """`NotEnoughReplicasError` → `not_enough_replicas`: a short word for the metric."""
    word = "unreachable" if kind in ("OSError", "KafkaConnectionError") else kind.removesuffix("Error")
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(word)) or "unreachable"
