"""The daemon's status as Prometheus metric families, made anew at every scrape."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from detector.frame import LOST_REASONS, REJECT_REASONS
from tocsin.status import SnapshotStatus, Status, StatusSource

FATES: tuple[tuple[str, str], ...] = (
    *((result, "") for result in ("scored", "gap", "late", "duplicate")),
    *(("rejected", reason) for reason in REJECT_REASONS),
    *(("lost", reason) for reason in LOST_REASONS),
)
CALENDAR_STATES = ("active", "upcoming", "past")
Rows = Iterable[tuple[Sequence[str], float]]


class StatusCollector(Collector):
    """Asks for the status at each scrape; `wall_s` gives the wall clock in seconds, for lag and ages."""

    def __init__(self, status: StatusSource, wall_s: Callable[[], float] = time.time) -> None:
        self._status = status
        self._wall_s = wall_s

    def collect(self) -> Iterator[Metric]:
        status = self._status()
        yield from _samples(status)
        yield from _progress(status, self._wall_s())
        yield from _snapshot(status.snapshot)
        yield from _operation(status)
        yield from _quality(status)


def topic_and_partition(partition: str) -> tuple[str, str]:
    """Topic and number of a partition's name; a file has no number and counts as partition 0.

    >>> topic_and_partition("client-activity/3")
    ('client-activity', '3')
    """
    topic, _, number = partition.rpartition("/")
    return (topic, number) if is_of_kafka(partition) else (partition, "0")


def is_of_kafka(partition: str) -> bool:
    """Is it a topic's partition? Files and simulations have no record time that a clock could be compared with."""
    topic, _, number = partition.rpartition("/")
    return bool(topic) and number.isdecimal()


def lag_seconds(messages: int, record_ms: int | None, wall_s: float) -> float | None:
    """0 when caught up, else wall clock minus record time of the last record read; None before the first one."""
    if messages <= 0:
        return 0.0
    return None if record_ms is None else max(wall_s - record_ms / 1000, 0.0)


def _samples(status: Status) -> Iterator[Metric]:
    partitions = sorted({*status.partitions, *status.fates})
    topics = sorted({topic_and_partition(p)[0] for p in partitions} | set(status.conflicts))
    counts: dict[tuple[str, ...], float] = {}
    for partition in partitions:
        fates = dict.fromkeys(FATES, 0) | dict(status.fates.get(partition, {}))
        for (result, reason), count in fates.items():
            counts[*topic_and_partition(partition), result, reason] = count
    labels = ("topic", "partition", "result", "reason")
    yield _counter("tocsin_samples", "Samples by what became of them.", labels, counts.items())
    conflicts = {(topic,): float(status.conflicts.get(topic, 0)) for topic in topics}
    yield _counter(
        "tocsin_sample_conflicts",
        "Scored samples that were told twice, differently.",
        ("topic",),
        conflicts.items(),
    )
    letters = {(topic, reason): 0 for topic in topics for reason in REJECT_REASONS} | dict(status.dead_letters)
    yield _counter(
        "tocsin_dead_letters", "Records kept aside because they were refused.", ("topic", "reason"), letters.items()
    )


def _progress(status: Status, wall_s: float) -> Iterator[Metric]:
    labels = ("topic", "partition")
    lag = {topic_and_partition(p): lag for p, lag in sorted(status.lag.items()) if is_of_kafka(p)}
    messages = [(of, float(behind)) for of, (behind, _) in lag.items()]
    yield _gauge("tocsin_kafka_consumer_lag_messages", "Messages not yet read.", labels, messages)
    seconds = [
        (of, late)
        for of, (behind, record_ms) in lag.items()
        if (late := lag_seconds(behind, record_ms, wall_s)) is not None
    ]
    text = "Seconds behind, by record time; 0 when caught up."
    yield _gauge("tocsin_kafka_consumer_lag_seconds", text, labels, seconds)
    records = [(of, record_ms / 1000) for of, (_, record_ms) in lag.items() if record_ms is not None]
    text = "Record time of the last record read."
    yield _gauge("tocsin_last_record_timestamp_seconds", text, labels, records)
    watermarks = [(topic_and_partition(p), ms / 1000) for p, ms in sorted(status.watermarks.items())]
    text = "Event time by which all samples should have arrived."
    yield _gauge("tocsin_watermark_timestamp_seconds", text, labels, watermarks)
    yield _gauge("tocsin_shards_assigned", "Partitions that this process reads.", (), [((), len(status.partitions))])


def _snapshot(snapshot: SnapshotStatus) -> Iterator[Metric]:
    if snapshot.last_success_ms is not None:
        at = [((), snapshot.last_success_ms / 1000)]
        yield _gauge("tocsin_snapshot_last_success_timestamp_seconds", "When the last snapshot was safe.", (), at)
    yield _gauge("tocsin_snapshot_duration_seconds", "Time of the last write.", (), [((), snapshot.duration_s)])
    yield _gauge("tocsin_snapshot_size_bytes", "Size of the last snapshot.", (), [((), snapshot.size_bytes)])
    yield _counter("tocsin_snapshot_failures", "Snapshots that could not be written.", (), [((), snapshot.failures)])
    text = "Starts from an older snapshot than the newest."
    yield _counter("tocsin_snapshot_fallbacks", text, (), [((), snapshot.fallbacks)])


def _operation(status: Status) -> Iterator[Metric]:
    text = "Replayed transitions that differ from what had been journalled."
    yield _counter("tocsin_replay_mismatch", text, (), [((), status.replay_mismatches)])
    queue = [((sink,), float(n)) for sink, n in sorted(status.queue_length.items())]
    yield _gauge("tocsin_notification_queue_length", "Alarms waiting to be sent.", ("sink",), queue)
    yield _counter(
        "tocsin_kafka_client_rebuilds", "Kafka clients given up and made anew.", ("client", "reason"),
        sorted(status.client_rebuilds.items()),
    )  # fmt: skip
    good = [((name,), float(file.is_good)) for name, file in sorted(status.files.items())]
    text = "1 if the file on disk is the one in force, 0 if it is invalid."
    yield _gauge("tocsin_config_last_reload_successful", text, ("file",), good)
    read = [
        ((name,), file.last_success_ms / 1000)
        for name, file in sorted(status.files.items())
        if file.last_success_ms is not None
    ]
    text = "When the file was last read without a fault."
    yield _gauge("tocsin_config_last_reload_success_timestamp_seconds", text, ("file",), read)
    events = [((state,), float(status.calendar_events.get(state, 0))) for state in CALENDAR_STATES]
    yield _gauge("tocsin_calendar_events", "Occurrences of calendar events.", ("state",), events)
    if status.series_limit is not None:
        yield _gauge("tocsin_series_limit", "Most series that are admitted.", (), [((), status.series_limit)])


def _quality(status: Status) -> Iterator[Metric]:
    yield _gauge(
        "tocsin_alarm_budget_promised", "False alarms per 1000 series-weeks that the threshold is set for.", ("class",),
        _by_class(status.budget_promised),
    )  # fmt: skip
    yield _gauge(
        "tocsin_alarm_budget_realised", "Alarms not confirmed real, trailing 4 weeks.", ("class",),
        _by_class(status.budget_realised),
    )  # fmt: skip
    if status.effective_votes is not None:
        yield _gauge(
            "tocsin_effective_votes", "Independent voices of the ensemble.", (), [((), status.effective_votes)]
        )
    yield _gauge(
        "tocsin_calm_exceedance_ratio",
        "Fused scores beyond the promised p, outside episodes, over what p promises.",
        ("level", "volume", "p"),
        [((level, volume, f"{p:g}"), r) for (level, volume, p), r in sorted(status.calm_exceedance.items())],
    )
    yield _gauge(
        "tocsin_calm_exceedance_spread", "Standard deviation of log10 of that ratio over classes.", ("p",),
        [((f"{p:g}",), spread) for p, spread in sorted(status.calm_exceedance_spread.items())],
    )  # fmt: skip


def _by_class(values: Mapping[str, float]) -> Rows:
    return [((name,), value) for name, value in sorted(values.items())]


def _gauge(name: str, text: str, labels: Sequence[str], rows: Rows) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family


def _counter(name: str, text: str, labels: Sequence[str], rows: Rows) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family
