"""What `/metrics/series` shows: alarms in force, surprise and deviation of rows, states and coverage per place."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from detector.frame import Floats
from detector.schema import ALL, Schema
from detector.series import SeriesIndex
from tocsin.alarm_labels import labels_of
from tocsin.exposition import GaugeBlock, label_text, write_gauge
from tocsin.outcome import ROW_STATES, Outcome

Expose = Literal["active", "places", "all"]
Sample = tuple[Mapping[str, str], float]
SURPRISE = "Fused surprise, -log10 p with the deviation's sign, capped at 15."
DEVIATION = "(observed - expected) / expected."
TELLING = [ROW_STATES.index("firing"), ROW_STATES.index("held")]


class SeriesExposition:
    """Keeps the newest outcome of each interval and the alarms in force, and writes them when asked.

    `expose`: `active` shows rows that are part of an alarm, `places` adds each place's roll-ups, `all` every row. At
    most `max_series` samples are written: alarms first, then held ones, places, rows in the order of the index; the
    rest is counted in `on_truncated`. The arrays of an outcome must not change after it was handed over.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        expose: Expose = "active",
        max_series: int = 5000,
        on_truncated: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._schema = schema
        self._expose = expose
        self._max_series = max_series
        self._on_truncated = on_truncated
        self._lock = threading.Lock()  # of what the engine hands over; never held while text is made
        self._alarms: dict[str, Mapping[str, Any]] = {}
        self._newest: dict[int, Outcome] = {}
        self._writing = threading.Lock()
        self._intervals: dict[int, _Rows] = {}

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

    def _catch_up(self) -> tuple[list[Mapping[str, Any]], list[_Rows]]:
        with self._lock:
            alarms = [body for _, body in sorted(self._alarms.items())]
            newest = sorted(self._newest.items())
        for interval_ms, outcome in newest:
            rows = self._intervals.setdefault(interval_ms, _Rows(self._schema))
            rows.outcome = outcome
            rows.catch_up()
        return alarms, [self._intervals[interval_ms] for interval_ms, _ in newest]

    def _places_text(self, intervals: list[_Rows], alarms: list[Mapping[str, Any]], budget: _Budget) -> bytes:
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

    def _rows_text(self, intervals: list[_Rows], budget: _Budget) -> bytes:
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


class _Rows:
    """The rows of one interval: their fixed texts and sets, and the newest outcome."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.outcome: Outcome | None = None
        self._texts: list[str] = []
        self._blocks: dict[str, GaugeBlock] = {}
        self._places: list[str] = []
        self._place_code: list[int] = []  # -1: not a watched leaf of a place
        self._leaf: list[bool] = []
        self._is_place_total: list[bool] = []

    def catch_up(self) -> None:
        """Learns the rows that came since the last time."""
        if self.outcome is None:
            return
        index, codes = self.outcome.index, {name: code for code, name in enumerate(self._places)}
        for row in range(len(self._texts), len(self.outcome.state)):
            self._add(index, row, codes)

    def _add(self, index: SeriesIndex, row: int, codes: dict[str, int]) -> None:
        labels, place = index.labels(row), self._schema.place
        name = labels.get(place, ALL) if place is not None else ALL
        is_counted = index.is_leaf(row) and index.is_watched(row)
        if is_counted and name != ALL and name not in codes:
            codes[name] = len(self._places)
            self._places.append(name)
        self._texts.append(label_text(labels))
        self._leaf.append(is_counted)
        self._place_code.append(codes[name] if is_counted and name != ALL else -1)
        others = [value for key, value in labels.items() if key not in ("metric", place)]
        self._is_place_total.append(name != ALL and all(value == ALL for value in others))

    @property
    def states(self) -> NDArray[np.int8]:
        return self.outcome.state if self.outcome is not None else np.zeros(0, np.int8)

    @property
    def leaves(self) -> NDArray[np.bool_]:
        return np.array(self._leaf[: len(self.states)], bool)

    def block(self, name: str, text: str) -> GaugeBlock:
        block = self._blocks.setdefault(name, GaugeBlock(name, text))
        if len(block) < len(self._texts):
            block.grow(self._texts[len(block) :])
        return block

    def shown(self, expose: Expose) -> NDArray[np.bool_]:
        states = self.states
        if expose == "all":
            return np.ones(len(states), bool)
        told: NDArray[np.bool_] = np.isin(states, TELLING)
        return told | np.array(self._is_place_total, bool) if expose == "places" else told

    def place_states(self) -> dict[tuple[str, str], int]:
        codes = np.array(self._place_code, np.int64)
        of = codes >= 0
        width = len(ROW_STATES)
        flat = np.bincount(codes[of] * width + self.states[of], minlength=len(self._places) * width)
        table = flat.reshape(-1, width)
        return {
            (name, state): int(table[row, code])
            for row, name in enumerate(self._places)
            for code, state in enumerate(ROW_STATES)
        }


def _alarms_text(schema: Schema, alarms: list[Mapping[str, Any]], budget: _Budget) -> bytes:
    firing: dict[str, Sample] = {}  # by text: two alarms of one first cuboid are one sample
    held: dict[str, Sample] = {}
    for body in alarms:
        labels = labels_of(schema, body) | {"direction": str(body.get("direction"))}
        if body.get("state") == "firing":
            labels["severity"] = str(body.get("severity"))
            firing[label_text(labels)] = (labels, 1.0)
        else:
            reasons = (body.get("suppression") or {}).get("reasons") or [{}]
            labels["reason"] = str(reasons[0].get("reason", ""))
            held[label_text(labels)] = (labels, 1.0)
    told = write_gauge("tocsin_alarm_active", "1 while people are told.", budget.take(list(firing.values())))
    return told + write_gauge("tocsin_alarm_held", "1 while a candidate is held.", budget.take(list(held.values())))


def _surprise(outcome: Outcome) -> Floats:
    return outcome.surprise


def _deviation(outcome: Outcome) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return (outcome.observed - outcome.expected) / outcome.expected


def _declared(schema: Schema, place: str) -> int:
    """Watched leaves of one place in the declared product; 0 where some dimension is discovered."""
    values = {d.name: len(d.values) for d in schema.dimensions}
    total = 0
    for metric in schema.metrics:
        names = schema.dimension_names if metric.dimensions is None else metric.dimensions
        if metric.role == "watched" and place in names:
            total += prod(values[name] for name in names if name != place)
    return total
