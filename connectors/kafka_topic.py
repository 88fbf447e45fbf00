"""A topic that is written to by a feed: made if asked for, every message acknowledged, closed at the end."""

from __future__ import annotations

from typing import Any

from connectors.feed_end import end_record
from connectors.kafka_client import PRODUCER, KafkaConnection, describe, make_client, unreachable
from detector.errors import ConfigError, UnreachableError

BOOTSTRAP_MS = 10_000


class Topic:
    """Writes messages to one topic; every one is acknowledged before `close` returns, or an error is raised."""

    def __init__(self, connection: KafkaConnection, topic: str, partitions: int | None = None) -> None:
        from kafka.errors import KafkaError

        self.name = topic
        self._connection = connection
        self._failure: BaseException | None = None
        self.acknowledged = 0
        try:
            self._prepare(partitions)
            self._producer: Any = make_client(
                "KafkaProducer",
                connection,
                {**PRODUCER, "bootstrap_timeout_ms": BOOTSTRAP_MS, "linger_ms": 20, "compression_type": "lz4"},
            )
            self.partitions = tuple(sorted(self._producer.partitions_for(topic)))
        except KafkaError as error:
            raise unreachable(connection, error) from error

    def send(self, key: bytes, value: bytes) -> None:
        self._write(key=key, value=value)

    def end(self, closes_ms: int) -> None:
        """Closes every partition: no sample with an earlier event time follows."""
        self.flush()
        value, headers = end_record(closes_ms)
        for partition in self.partitions:
            self._write(value=value, key=b"tocsin.control", headers=headers, partition=partition)

    def flush(self) -> None:
        """Waits until all is acknowledged; raises UnreachableError if something was not."""
        from kafka.errors import KafkaError

        try:
            self._producer.flush(timeout=60)
        except KafkaError as error:
            raise unreachable(self._connection, error) from error
        self._check()

    def close(self) -> None:
        self.flush()
        self._producer.close(timeout=10)

    def abandon(self) -> None:
        """Closes without waiting for what is on its way."""
        self._producer.close(timeout=0)

    def _write(self, **record: Any) -> None:
        from kafka.errors import KafkaError

        self._check()
        try:
            future = self._producer.send(self.name, **record)
        except KafkaError as error:
            raise unreachable(self._connection, error) from error
        future.add_callback(self._acknowledge)
        future.add_errback(self._fail)

    def _acknowledge(self, _: object) -> None:
        self.acknowledged += 1

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error

    def _check(self) -> None:
        if self._failure is not None:
            raise UnreachableError(f"topic {self.name}: a message was not acknowledged: {describe(self._failure)}")

    def _prepare(self, partitions: int | None) -> None:
        """Creates the topic if that is asked for; says how if it is not there."""
        from kafka.admin import NewTopic
        from kafka.errors import TopicAlreadyExistsError

        admin = make_client("admin.KafkaAdminClient", self._connection, {"bootstrap_timeout_ms": BOOTSTRAP_MS})
        try:
            if self.name in admin.list_topics():
                return
            if partitions is None:
                raise ConfigError(f"topic {self.name} does not exist; --partitions N creates it")
            try:
                admin.create_topics([NewTopic(self.name, partitions, -1)])
            except TopicAlreadyExistsError:
                return  # somebody was quicker
        finally:
            admin.close()
