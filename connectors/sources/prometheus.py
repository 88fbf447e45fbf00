"""The Prometheus source: a range of history by `query_range`, one partition, in pieces that the server bears."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from connectors.query_range import Line, PrometheusConnection, QueryRange, TooLargeError
from detector.errors import ConfigError, UnreachableError
from detector.frame import Batch, Key, Rejected

PARTITION = "prometheus/0"
MOST_POINTS = 10_000  # of a series in one answer; Prometheus refuses more than 11,000
FIRST_POINTS = 720  # of the first piece; the next ones follow from how much it brought
MOST_SAMPLES = 1_000_000  # that a piece should bring at most


@dataclass(frozen=True, slots=True)
class PrometheusSettings:
    """What to ask and how answers become samples.

    `queries` are (metric, expression); `labels` (Prometheus label or "" where a metric has none, per metric) in the
    order of `Schema.key_columns[1:]`. Ticks from `start_ms` up to before `end_ms`. `is_end_stamped`: a value at t
    speaks of the `step_ms` that end at t, as `increase(x[1m])` does, and belongs to the tick that begins then.
    """

    connection: PrometheusConnection
    queries: tuple[tuple[str, str], ...]
    labels: Mapping[str, tuple[str, ...]]  # metric → label per key column
    start_ms: int
    end_ms: int
    step_ms: int = 60_000
    is_end_stamped: bool = True


class PrometheusSource:
    """Reads the range oldest first; its position is the time in ms of the next tick wanted.

    A series without a value at a time has no sample there (Prometheus leaves stale ones out), NaN is a gap, an infinite
    value is refused. Two series of one metric with equal labels are an error of the query, told with both.
    """

    def __init__(self, settings: PrometheusSettings, *, sleep: Callable[[float], None] = time.sleep) -> None:
        if not settings.queries:
            raise ConfigError("source.prometheus.queries: expected at least one metric with its query")
        step = settings.step_ms
        self._settings = settings
        self._server = QueryRange(settings.connection, sleep)
        self._first = -(-settings.start_ms // step) * step
        self._end = settings.end_ms // step * step
        self._next = self._first
        self._points = FIRST_POINTS
        self._is_open = self._is_closed = False
        self._read_ms: int | None = None

    def open(self, positions: Mapping[str, int]) -> None:
        self._next = max(positions.get(PARTITION, self._first), self._first)
        self._is_open, self._is_closed = True, False

    def poll(self, timeout_s: float) -> list[Batch]:
        """The next piece; raises `UnreachableError` when the server did not answer after all retries."""
        if self._is_closed or not self._is_open:
            return []
        step = self._settings.step_ms
        while True:
            until = min(self._next + self._points * step, self._end)
            try:
                found = [(metric, line) for metric, query in self._settings.queries
                         for line in self._ask(query, until)]  # fmt: skip
                break
            except TooLargeError as error:
                if self._points == 1:
                    raise UnreachableError(f"{self._settings.connection.url}: one step is too much: {error}") from error
                self._points = max(1, self._points // 4)
        batch = self._batch(found, until)
        self._points = _next_points(self._points, sum(len(line.value) for _, line in found))
        self._next = until
        self._is_closed = until >= self._end
        return [batch]

    def partitions(self) -> tuple[str, ...]:
        return (PARTITION,)

    def is_finished(self) -> bool:
        return self._is_closed

    def lag(self) -> Mapping[str, tuple[int, int | None]]:
        """Steps that are left, for want of a count of samples."""
        return {PARTITION: (max(0, (self._end - self._next) // self._settings.step_ms), self._read_ms)}

    def identity(self) -> str:
        """A hash of server, queries and step; not of the range, which may be asked for in two goes."""
        own = self._settings
        text = repr((own.connection.url, own.queries, sorted(own.labels.items()), own.step_ms, own.is_end_stamped))
        return f"prometheus {hashlib.sha256(text.encode()).hexdigest()[:24]}"

    def status(self) -> str:
        return f"asking {self._settings.connection.url}"

    def close(self) -> None:
        self._server.close()
        self._is_open = False

    def _ask(self, query: str, until: int) -> list[Line]:
        """The values of the ticks from the next one up to before `until`."""
        if until <= self._next:
            return []
        step = self._settings.step_ms
        shift = step if self._settings.is_end_stamped else 0
        lines = self._server.ask(query, self._next + shift, until - step + shift, step)
        return [line._replace(time_ms=line.time_ms - shift) for line in lines]

    def _batch(self, found: list[tuple[str, Line]], until: int) -> Batch:
        keys: list[Key] = []
        times, values, rejected = [np.zeros(0, np.int64)], [np.zeros(0)], []
        seen: dict[Key, dict[str, str]] = {}
        for metric, line in found:
            wanted = self._settings.labels[metric]
            key = (metric, *(line.labels.get(label, "") if label else "" for label in wanted))
            absent = next((label for label in wanted if label and not line.labels.get(label)), None)
            if absent is not None:
                why = f"{metric}: {line.labels} has no label {absent!r}"
                rejected.append(Rejected(self._next, "bad_label", why, len(line.value)))
                continue
            if key in seen:
                raise ConfigError(
                    f"source.prometheus.queries.{metric}: {seen[key]} and {line.labels} are both {key[1:]}; expected "
                    f"one series: aggregate, for example sum by ({', '.join(filter(None, wanted))})"
                )
            seen[key] = line.labels
            good = ~np.isinf(line.value)
            if not good.all():
                why = f"{metric}: {key[1:]}: infinite"
                rejected.append(Rejected(self._next, "bad_value", why, int((~good).sum())))
            keys += [key] * int(good.sum())
            times.append(line.time_ms[good])
            values.append(line.value[good])
        time_ms, value = np.concatenate(times), np.concatenate(values)
        rank = {key: i for i, key in enumerate(sorted(seen))}
        order = np.lexsort((np.fromiter((rank[key] for key in keys), np.int64, len(keys)), time_ms))
        time_ms, value = time_ms[order], value[order]
        self._read_ms = int(time_ms[-1]) if len(time_ms) else self._read_ms
        return Batch(
            PARTITION, [keys[i] for i in order.tolist()], time_ms, value, time_ms, until, tuple(rejected),
            closes_ms=until, last_record_ms=self._read_ms,
        )  # fmt: skip


def _next_points(points: int, samples: int) -> int:
    """Steps of the next piece: at most four times this one, and so that it brings a good million samples."""
    if samples == 0:
        return min(4 * points, MOST_POINTS)
    return max(1, min(4 * points, MOST_POINTS, points * MOST_SAMPLES // samples))
