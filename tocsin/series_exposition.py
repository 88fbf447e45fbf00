"""What `/metrics/series` shows: alarms in force, surprise and deviation of rows, states and coverage per place."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.frame import Floats
from detector.schema import ALL, Schema
from tocsin.alarm_labels import labels_of
from tocsin.exposed_rows import Expose, ExposedRows
from tocsin.exposition import label_name, label_text, write_gauge
from tocsin.json_values import reasons_of
from tocsin.outcome import ROW_STATES, Outcome

Sample = tuple[Mapping[str, str], float]
SURPRISE = "Fused surprise, -log10 p with the deviation's sign, capped at 15."
DEVIATION = "(observed - expected) / |expected|."
VALUES = {
    "observed": "Observed value, in the metric's own unit.",
    "expected": "Expected value, in the metric's own unit.",
    "lower": "Lower end of what is normal for one tick.",
    "upper": "Upper end of what is normal for one tick.",
}


class SeriesExposition:
    """Keeps the newest outcome of each interval and the alarms in force, and writes them when asked.

    `expose`: `active` shows rows that are part of an alarm, `places` adds each place's roll-ups, `all` every row. At
    most `max_series` samples are written: alarms first, then held ones, places, rows in the order of the index; the
    rest is counted in `on_truncated`. `values` adds observed, expected, lower and upper in the customer's own units,
    under a name for each metric. The arrays of an outcome must not change after it was handed over.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        expose: Expose = "active",
        max_series: int = 5000,
        values: bool = False,
        on_truncated: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._schema = schema
        self._expose = expose
        self._max_series = max_series
        self._values = values
        self._on_truncated = on_truncated
        self._lock = threading.Lock()  # of what the engine hands over; never held while text is made
        self._alarms: dict[str, Mapping[str, Any]] = {}
        self._newest: dict[int, Outcome] = {}
        self._writing = threading.Lock()
        self._intervals: dict[int, ExposedRows] = {}

    def on_outcome(self, outcome: Outcome) -> None:
        """Takes one closed tick."""
        with self._lock:
            for event in outcome.events:
                if event.state in ("firing", "held"):
                    self._alarms[event.alarm_id] = event.data
                else:
                    self._alarms.pop(event.alarm_id, None)
            self._newest[outcome.interval_ms] = outcome

    def restore(self, bodies: Iterable[Mapping[str, Any]]) -> None:
        """Takes the alarms that were in force before a restart, as their bodies."""
        with self._lock:
            for body in bodies:
                if body.get("state") in ("firing", "held"):
                    self._alarms[str(body["alarm_id"])] = body

    def render(self) -> bytes:
        """The text of everything; the engine never waits for it."""
        with self._writing:
            alarms, intervals = self._catch_up()
            budget = _Budget(self._max_series)
            parts = [_alarms_text(self._schema, alarms, budget), self._places_text(intervals, alarms, budget)]
            parts.append(self._rows_text(intervals, budget))
            if self._values:
                parts.append(self._values_text(intervals, budget))
        self._on_truncated(budget.left_out)
        return b"".join(parts)

    def state_counts(self) -> dict[str, int]:
        """Watched leaves by state, over all intervals; every state is named."""
        with self._writing:
            _, intervals = self._catch_up()
            counts = dict.fromkeys(ROW_STATES, 0)
            for rows in intervals:
                for code, number in enumerate(np.bincount(rows.states[rows.leaves], minlength=len(ROW_STATES))):
                    counts[ROW_STATES[code]] += int(number)
            return counts

    def _catch_up(self) -> tuple[list[Mapping[str, Any]], list[ExposedRows]]:
        with self._lock:
            alarms = [body for _, body in sorted(self._alarms.items())]
            newest = sorted(self._newest.items())
        for interval_ms, outcome in newest:
            rows = self._intervals.setdefault(interval_ms, ExposedRows(self._schema))
            rows.outcome = outcome
            rows.catch_up()
        return alarms, [self._intervals[interval_ms] for interval_ms, _ in newest]

    def _places_text(self, intervals: list[ExposedRows], alarms: list[Mapping[str, Any]], budget: _Budget) -> bytes:
        place = self._schema.place
        if place is None:
            return b""
        counts: Counter[tuple[str, str]] = Counter()
        for rows in intervals:
            counts.update(rows.place_states())
        places = sorted({name for name, _ in counts})
        declared = {name: _declared(self._schema, place) or sum(counts[name, s] for s in ROW_STATES) for name in places}
        active = Counter(
            (labels_of(self._schema, body).get(place, ALL), str(body.get("severity")))
            for body in alarms
            if body.get("state") == "firing"
        )
        severities = ("info", "warning", "critical")
        named = sorted({*places, *(name for name, _ in active)})
        pairs = [(name, state) for name in places for state in ROW_STATES]
        number: list[Sample] = [({place: name, "state": state}, counts[name, state]) for name, state in pairs]
        share: list[Sample] = [
            ({place: name, "state": state}, counts[name, state] / declared[name]) for name, state in pairs
        ]
        firing: list[Sample] = [
            ({place: name, "severity": severity}, active[name, severity]) for name in named for severity in severities
        ]
        return b"".join(
            write_gauge(name, text, budget.take(samples))
            for name, text, samples in (
                ("tocsin_place_alarms_active", "Alarms told now, by the first cuboid's place.", firing),
                ("tocsin_place_series", "Leaves of the place, by state.", number),
                ("tocsin_coverage_ratio", "Share of the declared product in each state.", share),
            )
        )

    def _rows_text(self, intervals: list[ExposedRows], budget: _Budget) -> bytes:
        parts = []
        for name, text, value_of in (
            ("tocsin_surprise", SURPRISE, _surprise),
            ("tocsin_deviation_ratio", DEVIATION, _deviation),
        ):
            written = False
            for rows in intervals:
                outcome = rows.outcome
                if outcome is None:
                    continue
                values = np.where(rows.shown(self._expose), value_of(outcome), np.nan)
                budget.cut(values)
                family = list(rows.block(name, text).write(values))
                parts += family[1:] if written else family  # several intervals share one header
                written = True
        return b"".join(parts)

    def _values_text(self, intervals: list[ExposedRows], budget: _Budget) -> bytes:
        parts = []
        for metric, part in product(sorted({m.name for m in self._schema.metrics}), VALUES):
            name = f"tocsin_{label_name(metric)}_{part}"
            written = False
            for rows in intervals:
                outcome = rows.outcome
                of_metric = np.array(rows.of_metric.get(metric, ()), np.int64)
                if outcome is None or not len(of_metric):
                    continue
                values = np.where(rows.shown(self._expose), getattr(outcome, part), np.nan)[of_metric]
                budget.cut(values)
                family = list(rows.block(name, VALUES[part], of_metric.tolist()).write(values))
                parts += family[1:] if written else family
                written = True
        return b"".join(parts)


class _Budget:
    """How many samples may still be written, and how many were left out."""

    def __init__(self, most: int) -> None:
        self._left = most
        self.left_out = 0

    def take(self, samples: list[Sample]) -> list[Sample]:
        kept = samples[: self._left]
        self._left -= len(kept)
        self.left_out += len(samples) - len(kept)
        return kept

    def cut(self, values: NDArray[np.floating[Any]]) -> None:
        """Blanks, in place, the last rows beyond what may be written."""
        rows = np.flatnonzero(np.isfinite(values))
        values[rows[self._left :]] = np.nan
        kept = min(len(rows), self._left)
        self._left -= kept
        self.left_out += len(rows) - kept


def _alarms_text(schema: Schema, alarms: list[Mapping[str, Any]], budget: _Budget) -> bytes:
    firing: dict[str, Sample] = {}  # by text: two alarms of one first cuboid are one sample
    held: dict[str, Sample] = {}
    for body in alarms:
        labels = labels_of(schema, body) | {"direction": str(body.get("direction"))}
        if body.get("state") == "firing":
            labels["severity"] = str(body.get("severity"))
            firing[label_text(labels)] = (labels, 1.0)
        else:
            reasons = reasons_of(body)
            labels["reason"] = str(reasons[0].get("reason", "")) if reasons else ""
            held[label_text(labels)] = (labels, 1.0)
    told = write_gauge("tocsin_alarm_active", "1 while people are told.", budget.take(list(firing.values())))
    return told + write_gauge("tocsin_alarm_held", "1 while a candidate is held.", budget.take(list(held.values())))


def _surprise(outcome: Outcome) -> Floats:
    return outcome.surprise


def _deviation(outcome: Outcome) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return (outcome.observed - outcome.expected) / np.abs(outcome.expected)


def _declared(schema: Schema, place: str) -> int:
    """Watched leaves of one place in the declared product; 0 where some dimension is discovered."""
    values = {d.name: len(d.values) for d in schema.dimensions}
    total = 0
    for metric in schema.metrics:
        names = schema.dimension_names if metric.dimensions is None else metric.dimensions
        if metric.role == "watched" and place in names:
            total += prod(values[name] for name in names if name != place)
    return total
