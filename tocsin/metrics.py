"""The daemon's metrics about itself, as `/metrics` shows them; docs/reference/metrics.md lists every name."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import choose_encoder
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from suppression.alarm import AlarmEvent
from suppression.reasons import ENDS, REASONS
from tocsin import __version__
from tocsin.outcome import ROW_STATES, Outcome
from tocsin.status import Status, StatusSource
from tocsin.status_metrics import StatusCollector

Stage = Literal["decode", "align", "score", "suppress", "emit"]
TickResult = Literal["ok", "slow", "failed"]
SEVERITIES = ("info", "warning", "critical")
FAILURES = ("unreachable", "timeout", "rejected", "server_error")  # known beforehand; a sink may name others
STAGE_BUCKETS = (0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60)  # seconds
DELAY_BUCKETS = (1, 5, 15, 30, 60, 120, 300, 900, 3600)
LATENCY_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60)
SLOW_SHARE = 0.5  # a tick that takes more of its own interval than this is slow


class Metrics:
    """Counts what happens and renders it; every method may be called from any thread.

    Every combination of the small closed sets exists from the start, since `increase()` does not see a first jump.
    """

    def __init__(self, status: StatusSource = Status, *, sinks: Sequence[str] = (), revision: str = "") -> None:
        """`status` is asked at every scrape; `sinks` names the receivers; `revision` is the commit, where known."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # `_created` would double the counters
        self.registry = CollectorRegistry()
        self._make_info(revision)
        self._make_counters(sinks)
        self._make_histograms(sinks)
        self._calendar_on: frozenset[str] = frozenset()
        self.registry.register(StatusCollector(status))
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def on_outcome(self, outcome: Outcome, seconds: float | None = None) -> None:
        """Counts one closed tick; `seconds` is how long it took, where the caller knows."""
        is_slow = seconds is not None and seconds * 1000 > SLOW_SHARE * outcome.interval_ms
        self._ticks.labels("slow" if is_slow else "ok").inc()
        self._candidates.inc(outcome.candidates)
        for reason, count in outcome.held.items():
            self._held.labels(reason).inc(count)
        for event in outcome.events:
            self._count(event)
        self._show_calendar(frozenset(outcome.calendar))

    def tick_failed(self) -> None:
        """Counts a tick that raised an error."""
        self._ticks.labels("failed").inc()

    def stage_took(self, stage: Stage, seconds: float) -> None:
        """Notes how long one stage of one turn took."""
        self._stages.labels(stage).observe(seconds)

    def delivered(self, sink: str, seconds: float, age_s: float | None = None) -> None:
        """Counts one acknowledged delivery; `age_s` is the alarm's age by record time when it was sent."""
        self._sent.labels(sink).inc()
        self._latency.labels(sink).observe(seconds)
        if age_s is not None:
            self._delay.observe(age_s)

    def delivery_failed(self, sink: str, reason: str) -> None:
        """Counts one failed attempt; `reason` is `SinkError.reason`."""
        self._failed.labels(sink, reason).inc()

    def series_truncated(self, samples: int) -> None:
        """Notes how many samples the last `/metrics/series` left out because of its cap."""
        self._truncated.set(samples)

    def series_states(self, counts: Mapping[str, int]) -> None:
        """Notes how many watched leaves are in each state."""
        for state, count in counts.items():
            self._series.labels(state).set(count)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The exposition and its content type; OpenMetrics (with exemplars) when `accept` asks for it."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def _make_info(self, revision: str) -> None:
        names = ("version", "revision", "python_version")
        build = Gauge("tocsin_build_info", "What is running; always 1.", names, registry=self.registry)
        build.labels(__version__, revision, platform.python_version()).set(1)
        self._truncated = Gauge(
            "tocsin_exposition_truncated",
            "Samples that the last exposition of series left out because of outputs.prometheus.max_series.",
            registry=self.registry,
        )
        self._series = Gauge("tocsin_series", "Watched leaves, by state.", ("state",), registry=self.registry)
        for state in ROW_STATES:
            self._series.labels(state)
        self._calendar = Gauge(
            "tocsin_calendar_event_active",
            "1 while the calendar event is on (lead and tail included).",
            ("event_id",),
            registry=self.registry,
        )

    def _make_counters(self, sinks: Sequence[str]) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=self.registry)

        self._ticks = counter("tocsin_ticks", "Ticks closed, by how they went.", "result")
        self._candidates = counter("tocsin_alarm_candidates", "Roots that would be told if nothing held them.")
        self._held = counter("tocsin_alarm_candidates_held", "Candidates held, by the first reason.", "reason")
        self._fired = counter("tocsin_alarms_fired", "Alarms of which people began to be told.", "severity")
        self._resolved = counter("tocsin_alarms_resolved", "Told alarms that ended, by end.", "severity", "end")
        self._sent = counter("tocsin_notifications", "Deliveries acknowledged by the receiver.", "sink")
        self._failed = counter("tocsin_notifications_failed", "Failed attempts to deliver.", "sink", "reason")
        for result in get_args(TickResult):
            self._ticks.labels(result)
        for held_by in REASONS:
            self._held.labels(held_by)
        for severity in SEVERITIES:
            self._fired.labels(severity)
            for end in ENDS:
                self._resolved.labels(severity, end)
        for sink in sinks:
            self._sent.labels(sink)
            for reason in FAILURES:
                self._failed.labels(sink, reason)

    def _make_histograms(self, sinks: Sequence[str]) -> None:
        self._stages = Histogram(
            "tocsin_tick_duration_seconds",
            "Time of one stage of one turn.",
            ("stage",),
            buckets=STAGE_BUCKETS,
            registry=self.registry,
        )
        self._delay = Histogram(
            "tocsin_end_to_end_delay_seconds",
            "Age of an alarm when it was sent, by record time.",
            buckets=DELAY_BUCKETS,
            registry=self.registry,
        )
        self._latency = Histogram(
            "tocsin_notification_latency_seconds",
            "Time one delivery took until it was acknowledged.",
            ("sink",),
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
        for stage in get_args(Stage):
            self._stages.labels(stage)
        for sink in sinks:
            self._latency.labels(sink)

    def _count(self, event: AlarmEvent) -> None:
        if event.type in ("fired", "released"):  # a released one is told for the first time, too
            self._fired.labels(event.severity).inc(exemplar={"alarm_id": event.alarm_id})
        elif event.type == "resolved" and event.told:
            self._resolved.labels(event.severity, event.end or "recovered").inc()

    def _show_calendar(self, on: frozenset[str]) -> None:
        for gone in self._calendar_on - on:
            self._calendar.remove(gone)
        for event_id in on - self._calendar_on:
            self._calendar.labels(event_id).set(1)
        self._calendar_on = on
