"""The Kafka source: assigned partitions, positions that we keep ourselves, and nothing lost without being counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np

from connectors import bounded_decoders
from connectors.codec import Codec, Record
from connectors.feed_end import is_control, read_end
from connectors.kafka_client import CONSUMER, KafkaConnection, check_parts, describe, make_client
from connectors.kafka_failures import Failures, StuckError, is_about_bytes
from connectors.kafka_isolate import next_readable
from connectors.kafka_positions import Start, find_places
from detector.errors import ConfigError
from detector.frame import Batch, Lost

DAY_MS = 86_400_000
BOOTSTRAP_MS = 3000  # a poll may not wait longer than this for brokers that are down
LOOK_S = 5.0  # one look whether an offset can be read
REFRESH_S = 5.0  # end offsets, for the lag
PARTITIONS_S = 60.0  # are there new partitions?
STUCK_S = 30.0  # a partition with lag whose position does not move for so long: the client is rebuilt
ANSWER_MS = 2000  # for what is asked besides reading
NOWHERE = 2**63 - 1  # a position in a topic that is no more
FIELDS = attrgetter("offset", "timestamp", "key", "value", "headers")


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """Topics to read, and where to begin without a kept position; `group_id` is for lag tools only."""

    connection: KafkaConnection
    topics: tuple[str, ...]
    group_id: str = "tocsin"
    start: Start = "history"
    rebuild_history_ms: int = 14 * DAY_MS


class KafkaSource:
    """Reads topics by `assign()`; whatever goes wrong with the client, it is made anew at the positions we keep.

    Brokers that are down or a topic that is not there are not an end: `status()` says what is waited for, `is_reading`
    whether partitions are assigned. `rebuilds` counts new clients after a failure. Ranges that retention took and
    batches that cannot be decoded come once as `Batch.lost`. `lag`, `status` and `partitions` may be called from any
    thread, all else from one.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        codec: Codec,
        *,
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        make_consumer: Callable[[], Any] | None = None,
    ) -> None:
        self._settings, self._codec = settings, codec
        self._wall_ms, self._monotonic, self._sleep = wall_ms, monotonic, sleep
        self._make_consumer = make_consumer or self._new_consumer
        self._consumer: Any = None
        self._positions: dict[Any, int] = {}  # TopicPartition → next offset wanted
        self._kept: Mapping[str, int] = {}
        self._ready: list[Batch] = []  # what was lost, to be told by the next poll
        self._ends: dict[Any, int] = {}
        self._read_ms: dict[Any, int] = {}  # record time of the last record read
        self._moved: dict[Any, tuple[int, float]] = {}  # position and since when it stands there
        self._splits: Mapping[str, Collection[int]] = {}  # offsets that no batch reaches over
        self._asked_s = -REFRESH_S * 100  # when the brokers last told the end offsets
        self._closed: set[Any] = set()  # the last record read was an end control
        self._lag: Mapping[str, tuple[int, int | None]] = {}
        self._failures = Failures(monotonic)
        self._next_refresh = self._next_partitions = 0.0
        self._status, self._identity = "not opened", ""
        self._topic_ids: dict[str, str] = {}

    @property
    def rebuilds(self) -> int:
        """New clients after a failure, since the start."""
        return self._failures.count

    @property
    def is_reading(self) -> bool:
        """Are all topics there and their partitions assigned?"""
        return self._consumer is not None and bool(self._positions)

    def status(self) -> str:
        """What the source is doing or waiting for, in words for people."""
        return self._status

    def open(self, positions: Mapping[str, int]) -> None:
        """Keeps the positions and checks what the client needs; brokers are first asked by `poll`."""
        check_parts()
        bounded_decoders.install()
        self._kept = dict(positions)
        self._status = "connecting"

    def poll(self, timeout_s: float) -> list[Batch]:
        """What has arrived; waits at most about `timeout_s` (and a little more while brokers do not answer)."""
        until = self._monotonic() + timeout_s
        try:
            if self._connect():
                found = self._consumer.poll(timeout_ms=max(0, int(1000 * (until - self._monotonic()))))
                for tp, records in found.items():
                    self._ready += self._batches(tp, records)
                self._look_after(bool(found))
        except ConfigError:
            raise
        except Exception as error:  # the client raises far more than KafkaError
            self._recover(error)
        if not self._ready and self._consumer is None:
            self._sleep(max(0.0, min(until, self._failures.next_try) - self._monotonic()))
        ready, self._ready = self._ready, []
        return ready

    def partitions(self) -> tuple[str, ...]:
        return tuple(sorted(map(_name, tuple(self._positions))))

    def is_finished(self) -> bool:
        """True once the last record read of every partition was an end control, as `feed --end` writes it."""
        return bool(self._positions) and len(self._closed) == len(self._positions) and not self._ready

    def lag(self) -> Mapping[str, tuple[int, int | None]]:
        return self._lag

    def is_answering(self) -> bool:
        """Have the brokers said a moment ago how much there is?"""
        return self.is_reading and self._monotonic() - self._asked_s <= 2 * REFRESH_S

    def is_caught_up(self) -> bool:
        """Have they, and is everything read?"""
        return self.is_answering() and not self._ready and all(messages == 0 for messages, _ in self._lag.values())

    def split_at(self, offsets: Mapping[str, Collection[int]]) -> None:
        """From now on a batch of these partitions ends before each of these offsets."""
        self._splits = {name: found for name, found in offsets.items() if found}

    def identity(self) -> str:
        """Cluster id and topic ids, as far as the brokers tell; empty until they were reached."""
        return self._identity

    def commit(self, positions: Mapping[str, int]) -> None:
        """Tells the group's offsets to the brokers, for lag tools; best effort, never waits, never read back."""
        from kafka.structs import OffsetAndMetadata

        if self._consumer is None:
            return
        offsets = {
            tp: OffsetAndMetadata(positions[_name(tp)], "", -1) for tp in self._positions if _name(tp) in positions
        }
        with suppress(Exception):  # it is a courtesy to lag tools
            self._consumer.commit_async(offsets)

    def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        self._status = "closed"
        _close(consumer)

    def _new_consumer(self) -> Any:
        return make_client(
            "KafkaConsumer",
            self._settings.connection,
            {**CONSUMER, "group_id": self._settings.group_id, "bootstrap_timeout_ms": BOOTSTRAP_MS},
        )

    def _connect(self) -> bool:
        """A client with all partitions assigned and sought; False while that must wait."""
        now = self._monotonic()
        if self._consumer is not None and now < self._next_partitions:
            return True
        if self._consumer is None and now < self._failures.next_try:
            return False
        if self._consumer is None:
            self._consumer = self._make_consumer()
        self._next_partitions = now + PARTITIONS_S
        found = self._partitions_there()
        if found is None:
            _close(self._consumer)
            self._consumer = None
            self._failures.wait()
            return False
        if set(found) != set(self._consumer.assignment()):
            self._assign(found)
        return True

    def _partitions_there(self) -> list[Any] | None:
        from kafka import TopicPartition

        found: list[Any] = []
        for topic in self._settings.topics:
            numbers = self._consumer.partitions_for_topic(topic)
            if not numbers:
                self._status = f"topic {topic} does not exist or may not be read; trying again"
                return None
            found += [TopicPartition(topic, number) for number in sorted(numbers)]
        return found

    def _assign(self, partitions: Sequence[Any]) -> None:
        settings = self._settings
        kept = {tp: self._kept[_name(tp)] for tp in partitions if _name(tp) in self._kept} | self._positions
        ids = _topic_ids(self._consumer, settings.topics)
        anew = {topic for topic, new in ids.items() if new and self._topic_ids.get(topic, new) != new}
        kept = {tp: NOWHERE if tp.topic in anew else offset for tp, offset in kept.items()}
        self._topic_ids = ids
        start: Start = "earliest" if self._positions else settings.start  # a partition that was added later is all new
        since_ms = self._wall_ms() - settings.rebuild_history_ms
        places, begins, self._ends = find_places(self._consumer, partitions, kept, start, since_ms)
        self._consumer.assign(list(partitions))
        self._status = f"reading {len(partitions)} partitions of {', '.join(settings.topics)}"
        for tp, place in places.items():
            if place.lost is not None or place.notice:
                self._ready.append(_empty(tp, place.offset, place.lost))
            if place.notice:
                self._status = f"{_name(tp)}: {place.notice}; reading it from its beginning"
                self._closed.discard(tp)
            # At the first start, one record back: was the last one that we read an end control?
            look_back = tp not in self._positions and tp in kept and begins[tp] < place.offset <= self._ends[tp]
            self._positions[tp] = place.offset
            self._consumer.seek(tp, place.offset - 1 if look_back else place.offset)
        now = self._monotonic()
        self._moved = {tp: (place.offset, now) for tp, place in places.items()}
        self._identity = _identity(self._consumer, ids)
        self._next_refresh, self._asked_s = now + REFRESH_S, now
        self._tell_lag()

    def _batches(self, tp: Any, records: Sequence[Any]) -> Iterable[Batch]:
        """One batch, or several where control records stand in between."""
        part: list[Record] = []
        splits = self._splits.get(_name(tp), ())
        for record in map(Record._make, map(FIELDS, records)):
            if record.offset < self._positions[tp]:  # the look back
                if read_end(record.value, record.headers) is not None:
                    self._closed.add(tp)
                continue
            if part and splits and any(part[-1].offset < offset <= record.offset for offset in splits):
                yield self._batch(tp, part, None, None)
                part = []
            if record.headers and is_control(record.headers):
                closes_ms = read_end(record.value, record.headers)
                yield self._batch(tp, part, record, closes_ms)
                part = []
            else:
                part.append(record)
        if part:
            yield self._batch(tp, part, None, None)

    def _batch(self, tp: Any, records: list[Record], control: Record | None, closes_ms: int | None) -> Batch:
        last = control or records[-1]
        decoded = self._codec.decode(records)
        self._positions[tp] = last.offset + 1
        self._read_ms[tp] = last.record_ms
        (self._closed.discard if closes_ms is None else self._closed.add)(tp)
        return Batch(
            partition=_name(tp),
            keys=decoded.keys,
            time_ms=decoded.time_ms,
            value=decoded.value,
            record_ms=decoded.record_ms,
            next_offset=last.offset + 1,
            rejected=tuple(decoded.rejected),
            gaps=decoded.gaps,
            closes_ms=closes_ms if closes_ms is not None else decoded.closes_ms,
            last_record_ms=last.record_ms,
        )

    def _look_after(self, has_read: bool) -> None:
        """Refreshes the lag now and then, and notices a partition that stands still although there is more to read."""
        if has_read:
            self._failures.is_well()
        now = self._monotonic()
        if now < self._next_refresh:
            if has_read:
                self._tell_lag()
            return
        self._next_refresh = now + REFRESH_S
        self._ends = self._consumer.end_offsets(list(self._positions), timeout_ms=ANSWER_MS)
        self._asked_s = now
        for tp in self._positions:
            # the client's own position passes over markers and holes that never reach us
            at = max(self._positions[tp], self._consumer.position(tp, timeout_ms=ANSWER_MS) or 0)
            before, since = self._moved.get(tp, (-1, now))
            self._moved[tp] = (at, since if at == before else now)
            if at == before and self._ends[tp] > at and now - since > STUCK_S:
                raise StuckError(
                    f"{_name(tp)} stood at {at} for {now - since:.0f} s with {self._ends[tp] - at} to read"
                )
        self._tell_lag()

    def _tell_lag(self) -> None:
        positions = {tp: max(offset, self._moved.get(tp, (0, 0.0))[0]) for tp, offset in self._positions.items()}
        self._lag = {
            _name(tp): (max(0, self._ends.get(tp, at) - at), self._read_ms.get(tp)) for tp, at in positions.items()
        }

    def _recover(self, error: Exception) -> None:
        """Throws the client away; the next poll makes a new one at our positions, and counts what is lost there."""
        from kafka.errors import OffsetOutOfRangeError

        consumer, self._consumer = self._consumer, None
        _close(consumer)
        if isinstance(error, OffsetOutOfRangeError):
            self._failures.wait()
            return
        self._status = f"{describe(error)}; trying again"
        self._failures.wait() if consumer is None else self._failures.rebuild()
        if is_about_bytes(error):
            try:
                self._skip_unreadable(describe(error))
            except Exception as again:  # the brokers went away while we looked: the next poll meets the bytes again
                self._status = f"{describe(again)}; trying again"

    def _skip_unreadable(self, why: str) -> None:
        for tp, first in list(self._positions.items()):
            end = self._ends_of(tp)
            after = next_readable(lambda offset, tp=tp: self._is_readable(tp, offset), first, end)  # type: ignore[misc]
            if after > first:
                self._positions[tp] = after
                self._ready.append(_empty(tp, after, Lost(first, after, "unreadable_batch")))
                self._status = f"{_name(tp)}: offsets {first} to {after - 1} cannot be read ({why}); skipped"

    def _ends_of(self, tp: Any) -> int:
        consumer = self._make_consumer()
        try:
            return int(consumer.end_offsets([tp])[tp])
        finally:
            _close(consumer)

    def _is_readable(self, tp: Any, offset: int) -> bool:
        """Does a new client read something from there? One client a look: after such an error it may hang for ever."""
        consumer = self._make_consumer()
        try:
            consumer.assign([tp])
            consumer.seek(tp, offset)
            consumer.poll(timeout_ms=int(1000 * LOOK_S), max_records=1)
        except Exception as error:
            if not is_about_bytes(error):
                raise
            return False
        finally:
            _close(consumer)
        return True


def _name(tp: Any) -> str:
    return f"{tp.topic}/{tp.partition}"


def _empty(tp: Any, next_offset: int, lost: Lost | None) -> Batch:
    none = np.empty(0, np.int64)
    return Batch(_name(tp), [], none, np.empty(0, np.float64), none, next_offset, lost=(lost,) if lost else ())


def _topic_ids(consumer: Any, topics: Sequence[str]) -> dict[str, str]:
    """From the client's copy of the metadata, a member that is not documented: "" where it is absent."""
    cluster = getattr(consumer, "_cluster", None)
    return {topic: str(cluster.topic_id(topic) or "") if cluster is not None else "" for topic in topics}


def _identity(consumer: Any, topic_ids: Mapping[str, str]) -> str:
    cluster_id = getattr(getattr(consumer, "_cluster", None), "cluster_id", None) or ""
    return " ".join([cluster_id, *(f"{topic}={topic_id}" for topic, topic_id in topic_ids.items())]).strip()


def _close(consumer: Any) -> None:
    if consumer is not None:
        with suppress(Exception):  # it is being thrown away
            consumer.close(autocommit=False, timeout_ms=2000)
