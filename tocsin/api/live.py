"""Everything that is shown, fed by the engine's outcomes: metrics, series, alarms, points."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from detector.schema import Schema
from tocsin.alarm_labels import labels_of
from tocsin.api.memory_store import MemoryStore
from tocsin.api.points import MOST_BYTES, PointsRing
from tocsin.api.row_finder import RowFinder
from tocsin.api.spans import CalendarSpans, Span
from tocsin.api.store import Body, Points
from tocsin.api.times import to_ms
from tocsin.exposed_rows import Expose
from tocsin.json_values import mapping, reasons_of
from tocsin.metrics import Metrics
from tocsin.outcome import Outcome
from tocsin.series_exposition import SeriesExposition
from tocsin.status import Status, StatusSource

BEFORE_MS, AFTER_MS = 2 * 3_600_000, 1_800_000  # what a chart shows around an alarm, at least
BEFORE_TICKS, AFTER_TICKS = 60, 15


class Window(NamedTuple):
    """What a chart shows, in event time."""

    from_ms: int
    to_ms: int


class LiveView:
    """The listener between daemon and pages: give it to the daemon, and to `create_app`."""

    def __init__(
        self,
        schema: Schema,
        status: StatusSource = Status,
        *,
        sinks: Sequence[str] = (),
        expose: Expose = "active",
        max_series: int = 5000,
        values: bool = False,
        points_bytes: int = MOST_BYTES,
        revision: str = "",
    ) -> None:
        self.schema = schema
        self.status = status
        self.metrics = Metrics(lambda: self.status(), sinks=sinks, revision=revision)
        self.series = SeriesExposition(
            schema, expose=expose, max_series=max_series, values=values, on_truncated=self.metrics.series_truncated
        )
        self.store = MemoryStore(schema, self.points_of)
        self._points_bytes = points_bytes
        self._rings: dict[int, PointsRing] = {}
        self._finders: dict[int, RowFinder] = {}
        self._newest: dict[int, Outcome] = {}
        self._calendar = CalendarSpans()

    def on_outcome(self, outcome: Outcome, seconds: float | None = None) -> None:
        """Takes one closed tick, in the engine's thread; costs two copies of its rows."""
        interval_ms = outcome.interval_ms
        if interval_ms not in self._rings:
            self._rings[interval_ms], self._finders[interval_ms] = PointsRing(self._points_bytes), RowFinder()
        self._rings[interval_ms].add(outcome)
        self._newest[interval_ms] = outcome
        self._calendar.note(outcome.t_ms, interval_ms, outcome.calendar)
        self.metrics.on_outcome(outcome, seconds)
        self.series.on_outcome(outcome)
        self.store.take(outcome.events)

    def restore(self, bodies: Iterable[Body]) -> None:
        """Takes the alarms of before a restart, as their newest bodies."""
        kept = list(bodies)
        self.series.restore(kept)
        self.store.restore(kept)

    def newest(self) -> list[Outcome]:
        """The newest outcome of each interval, shortest interval first."""
        return [outcome for _, outcome in sorted(dict(self._newest).items())]

    def metrics_text(self, accept: str = "") -> tuple[bytes, str]:
        """What `/metrics` answers, and its content type."""
        self.metrics.series_states(self.series.state_counts())
        return self.metrics.render(accept)

    def window_of(self, body: Body) -> Window:
        """From well before an alarm's start until well after its end, or now."""
        newest = max((outcome.t_ms for outcome in self.newest()), default=0)
        start = to_ms(body.get("starts_at")) or newest
        step = max((outcome.interval_ms for outcome in self.newest()), default=60_000)
        end = to_ms(body.get("ends_at")) or newest
        return Window(start - max(BEFORE_MS, BEFORE_TICKS * step), end + max(AFTER_MS, AFTER_TICKS * step))

    def points_of(self, body: Body) -> Points | None:
        """The row of an alarm's present cuboid (else its first) around its life; None if no row bears its labels."""
        window = self.window_of(body)
        for which in ("present", "first"):
            labels = labels_of(self.schema, body, which)
            for outcome in self.newest():
                row = self._finders[outcome.interval_ms].find(outcome.index, labels)
                if row is not None:
                    return self._rings[outcome.interval_ms].row(row, *window)
        return None

    def spans_of(self, body: Body) -> list[Span]:
        """The alarm itself and the calendar events that were considered for it."""
        window = self.window_of(body)
        start = to_ms(body.get("starts_at"))
        event = mapping(mapping(body.get("evidence")).get("event")).get("id")
        ids = [str(i) for i in (event, *(reason.get("by") for reason in reasons_of(body))) if i]
        spans = self._calendar.within(*window, ids)
        if start is not None:
            newest = max((outcome.t_ms + outcome.interval_ms for outcome in self.newest()), default=start)
            spans.append(Span("alarm", str(body.get("alarm_id")), start, to_ms(body.get("ends_at")) or newest))
        return spans
