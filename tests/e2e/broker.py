"""The broker that tests speak to: chooses one, starts it, and gives the few verbs that tests need.

The choice: `TOCSIN_TEST_KAFKA=host:port` uses one that is there; else Apache Kafka; else Tansu.
`TOCSIN_TEST_BROKER=apache|tansu` forces one of the two.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.e2e import apache_kafka, tansu
from tests.e2e.processes import StartError, end

INSTALL = apache_kafka.INSTALL


class BrokerAbsentError(Exception):
    """No broker can run here; the message says why."""


class Record(NamedTuple):
    """One record as it was read back."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]
    timestamp_ms: int


@dataclass(frozen=True)
class Broker:
    """A running broker: its address, what it is, and verbs on topics; every call opens and closes its own client."""

    bootstrap: str
    kind: str

    def create_topic(self, name: str, partitions: int = 1, config: Mapping[str, str] | None = None) -> None:
        """Makes a topic, and returns when its partitions have a leader."""
        from kafka.admin import NewTopic

        with self._admin() as admin:
            admin.create_topics([NewTopic(name, partitions, 1, topic_configs=dict(config or {}))])
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                told = admin.describe_topics([name])
                if told and len(told[0].get("partitions", ())) == partitions:
                    return
                time.sleep(0.05)
        raise StartError(f"topic {name} has not its {partitions} partitions after 10 s")

    def new_topic(self, partitions: int = 1, config: Mapping[str, str] | None = None, stem: str = "t") -> str:
        """Makes a topic under a name that no other test has, and gives the name."""
        name = f"{stem}-{uuid.uuid4().hex[:12]}"
        self.create_topic(name, partitions, config)
        return name

    def delete_topic(self, name: str) -> None:
        """Deletes a topic."""
        with self._admin() as admin:
            admin.delete_topics([name])

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        """Drops the records before that offset, as retention would."""
        from kafka import TopicPartition

        with self._admin() as admin:
            admin.delete_records({TopicPartition(topic, partition): before})

    def produce(
        self,
        topic: str,
        values: Sequence[bytes | None],
        *,
        partition: int = 0,
        keys: Sequence[bytes | None] | None = None,
        compression: str | None = None,
        timestamp_ms: int | None = None,
    ) -> list[int]:
        """Writes records to one partition, waits until each is acknowledged, and gives their offsets."""
        from kafka import KafkaProducer

        given = keys or [None] * len(values)
        producer = KafkaProducer(
            bootstrap_servers=self.bootstrap, acks="all", compression_type=compression, linger_ms=5
        )
        try:
            futures = [
                producer.send(topic, value, key=key, partition=partition, timestamp_ms=timestamp_ms)
                for key, value in zip(given, values, strict=True)
            ]
            producer.flush()
            return [int(future.get(30).offset) for future in futures]
        finally:
            producer.close()

    def read_all(self, topic: str, *, seconds: float = 10.0, at_least: int = 0) -> list[Record]:
        """Every record of a topic, by partition and offset; waits up to `seconds` for `at_least` of them."""
        deadline = time.monotonic() + seconds
        while True:
            records = self._read_once(topic)
            if len(records) >= at_least or time.monotonic() > deadline:
                return records
            time.sleep(0.1)

    def _read_once(self, topic: str) -> list[Record]:
        from kafka import KafkaConsumer, TopicPartition

        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, enable_auto_commit=False)
        records: list[Record] = []
        try:
            assigned = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic) or ())]
            ends = consumer.end_offsets(assigned)
            consumer.assign(assigned)
            consumer.seek_to_beginning(*assigned)
            deadline = time.monotonic() + 30
            while any(consumer.position(tp) < ends[tp] for tp in assigned) and time.monotonic() < deadline:
                for batch in consumer.poll(200).values():
                    records.extend(_record(message) for message in batch)
        finally:
            consumer.close()
        return sorted(records, key=lambda record: (record.partition, record.offset))

    @contextmanager
    def _admin(self) -> Iterator[Any]:
        from kafka.admin import KafkaAdminClient

        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        try:
            yield admin
        finally:
            admin.close()


def choice() -> tuple[str, str]:
    """What would run here and why the others would not: (given, apache, tansu or "", sentence for the header)."""
    given, forced = os.environ.get("TOCSIN_TEST_KAFKA", ""), os.environ.get("TOCSIN_TEST_BROKER", "")
    if given:
        return "given", f"the one at {given} (TOCSIN_TEST_KAFKA)"
    no_apache, no_tansu = apache_kafka.why_not(), tansu.why_not()
    if forced not in {"", "apache", "tansu"}:
        return "", f"none: TOCSIN_TEST_BROKER: expected apache or tansu, got {forced!r}"
    if not no_apache and forced != "tansu":
        return "apache", f"Apache Kafka {apache_kafka.version()}, KRaft, one node"
    if not no_tansu and forced != "apache":
        return "tansu", f"Tansu ({no_apache or 'TOCSIN_TEST_BROKER=tansu'})"
    return "", f"none ({no_apache or 'not asked for'}; {no_tansu})"


@contextmanager
def running(home: Path) -> Iterator[Broker]:
    """A broker for as long as the block runs; raises BrokerAbsentError where none can run."""
    chosen, sentence = choice()
    if chosen == "given":
        address = os.environ["TOCSIN_TEST_KAFKA"]
        _check_reachable(address)
        yield Broker(address, sentence)
        return
    if not chosen:
        raise BrokerAbsentError(sentence)
    if chosen == "apache":
        try:
            port, process = apache_kafka.start(home)
        except StartError as error:
            if tansu.why_not():
                raise BrokerAbsentError(f"{sentence} did not start: {error}") from error
            chosen, sentence = "tansu", f"Tansu (Apache Kafka did not start: {str(error).splitlines()[0]})"
    if chosen == "tansu":
        port, process = tansu.start(home)
    try:
        yield Broker(f"127.0.0.1:{port}", sentence)
    finally:
        end(process)


def _check_reachable(address: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, ValueError) as error:
        message = f"TOCSIN_TEST_KAFKA={address}: expected host:port of a running broker; {error}"
        raise BrokerAbsentError(message) from error


def _record(message: Any) -> Record:
    headers = dict(message.headers or ())
    return Record(message.partition, message.offset, message.key, message.value, headers, message.timestamp)
