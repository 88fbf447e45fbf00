"""What events that are on do to the expectation: predicted effect, its variance, and the amplitude seen so far."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from detector.frame import Bools, Floats, Ints
from detector.schema import MINUTE_MS
from detector.series import SeriesIndex
from detector.timing import Timing
from suppression.calendar import Occurrence
from suppression.scoping import leaf_mask

PRIOR_SD = 0.35  # of the log effect of an event class that nobody has seen
DEPENDENCE_MS = 20 * MINUTE_MS  # neighbouring ticks are dependent: noise of one tick is taken this many minutes' worth
LOADING_SHARE = 0.2  # by which cells of one place differ in how an event moves them
ON_PRIOR = 2.4  # log odds that a scheduled event really takes place now


@dataclass(slots=True)
class Amplitude:
    """Log effect of one occurrence in one place: mean, variance, log odds that it is on."""

    mean: float
    variance: float
    odds: float = ON_PRIOR


@dataclass(slots=True)
class ImpactState:
    """Amplitudes by (event id, start, place row); only events that are on are kept."""

    amplitudes: dict[tuple[str, int, int], Amplitude] = field(default_factory=dict)


@dataclass(slots=True)
class Effects:
    """Event arrays of one tick; None where no event is on. S rows."""

    occurrences: tuple[Occurrence, ...] = ()
    log_effect: Floats | None = None  # (S,) at leaves
    variance: Floats | None = None  # (S,) at leaves
    loading: Floats | None = None  # (S,) at leaves
    frozen: Bools | None = None  # (S,) learns nothing
    event_only: Bools | None = None  # (S,) profile and level learn nothing
    masks: list[Bools] = field(default_factory=list)  # per occurrence, leaves in scope
    phases: list[float] = field(default_factory=list)  # per occurrence


@dataclass(frozen=True, slots=True)
class Impact:
    """A Kalman filter of each event's amplitude per place, started from what the operator expects.

    `explain` bounds the amplitude to the range that the operator gave; what goes beyond stays an anomaly. A bare
    covariate is worse than no calendar: the next match's size is not predictable, so its variance enters every score.
    """

    timing: Timing

    def effects(
        self, state: ImpactState, index: SeriesIndex, active: tuple[Occurrence, ...], t_ms: int, cache: ScopeCache
    ) -> Effects:
        """Arrays of the events on at this tick, from amplitudes as of the last tick."""
        on = tuple(o for o in active if o.action != "mute")
        keys = {(o.event_id, o.start_ms) for o in on}
        for key in [k for k in state.amplitudes if (k[0], k[1]) not in keys]:
            del state.amplitudes[key]
        if not active:
            return Effects()
        lattice = index.lattice()
        size = lattice.size
        out = Effects(
            active, np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(size, bool), np.zeros(size, bool)
        )
        assert out.log_effect is not None
        assert out.variance is not None
        assert out.loading is not None
        assert out.frozen is not None
        assert out.event_only is not None
        for occurrence in active:
            mask = cache.mask(index, occurrence)
            h = phase(occurrence, t_ms, self.timing.interval_ms)
            out.masks.append(mask)
            out.phases.append(h)
            if occurrence.learn == "freeze":
                out.frozen |= mask
            elif occurrence.learn == "event-only":
                out.event_only |= mask
            if occurrence.action == "mute" or h == 0:
                continue
            for place, rows in cache.parts(index, occurrence):
                amplitude = self._amplitude(state, occurrence, place)
                w = 1 / (1 + math.exp(-amplitude.odds))
                a, v = amplitude.mean, amplitude.variance
                if amplitude.odds > 0:
                    out.log_effect[rows] += a * h
                out.loading[rows] += (LOADING_SHARE * a * h) ** 2
                out.variance[rows] += h * h * v + (LOADING_SHARE * a * h) ** 2 + w * (1 - w) * (a * h) ** 2
        return out

    def advance(
        self,
        state: ImpactState,
        index: SeriesIndex,
        effects: Effects,
        deviation: Floats,
        noise: Floats,
        cache: ScopeCache,
    ) -> None:
        """Moves amplitudes by what the places did this tick.

        `deviation` (S,) is the short log deviation, `noise` (S,) its variance.
        """
        if not effects.occurrences:
            return
        for occurrence, h in zip(effects.occurrences, effects.phases, strict=True):
            if occurrence.action == "mute" or h <= 0.05:
                continue
            for place, rows in cache.parts(index, occurrence):
                key = (occurrence.event_id, occurrence.start_ms, place)
                amplitude = state.amplitudes.get(key)
                seen = rows[np.isfinite(deviation[rows])]
                if amplitude is None or not len(seen):
                    continue
                weight = 1 / np.maximum(noise[seen], 1e-6)
                innovation = float((weight * deviation[seen]).sum() / weight.sum())
                r = max(1.0, DEPENDENCE_MS / self.timing.interval_ms) * (1 / float(weight.sum()) + 0.03**2)
                self._update(occurrence, amplitude, innovation, h, r)

    def _update(self, occurrence: Occurrence, amplitude: Amplitude, innovation: float, h: float, r: float) -> None:
        applied = amplitude.mean * h if amplitude.odds > 0 else 0.0
        x = innovation + applied
        mean, variance = prior(occurrence)
        if h > 0.5:
            ratio = (x * x - (x - amplitude.mean * h) ** 2) / (2 * r)
            amplitude.odds = min(max(amplitude.odds + max(min(ratio, 15.0), -15.0) / 15, -4.0), 6.0)
        gain = amplitude.variance * h / (h * h * amplitude.variance + r)
        bound = 4 * math.sqrt(h * h * amplitude.variance + r)
        moved = amplitude.mean + gain * min(max(x - amplitude.mean * h, -bound), bound)
        low, high = envelope(occurrence, 0.0)
        low, high = max(low, mean - 3.5 * math.sqrt(variance)), min(high, mean + 3.5 * math.sqrt(variance))
        amplitude.mean = min(max(moved, low), high)
        amplitude.variance = max(amplitude.variance * (1 - gain * h) + 0.02**2 / 10, 0.03**2)

    @staticmethod
    def _amplitude(state: ImpactState, occurrence: Occurrence, place: int) -> Amplitude:
        key = (occurrence.event_id, occurrence.start_ms, place)
        found = state.amplitudes.get(key)
        if found is None:
            mean, variance = prior(occurrence)
            found = state.amplitudes[key] = Amplitude(mean, variance)
        return found


class ScopeCache:
    """Leaf masks of scopes and the place of each leaf; derived from the index, so no state."""

    def __init__(self) -> None:
        self._index: SeriesIndex | None = None
        self._size = -1
        self._masks: dict[object, Bools] = {}
        self._parts: dict[object, list[tuple[int, Ints]]] = {}
        self._places: Floats | None = None

    def mask(self, index: SeriesIndex, occurrence: Occurrence) -> Bools:
        self._refresh(index)
        found = self._masks.get(occurrence.scope)
        if found is None:
            found = self._masks[occurrence.scope] = leaf_mask(index, occurrence.scope)
        return found

    def parts(self, index: SeriesIndex, occurrence: Occurrence) -> list[tuple[int, Ints]]:
        """Places that the scope touches, in order, each with its leaves in scope."""
        self._refresh(index)
        found = self._parts.get(occurrence.scope)
        if found is None:
            inside = np.flatnonzero(self.mask(index, occurrence))
            place = self.places(index)[inside]
            found = [(int(p), inside[place == p]) for p in np.unique(place)]
            self._parts[occurrence.scope] = found
        return found

    def places(self, index: SeriesIndex) -> Floats:
        """(S,) number of the place and metric of each row: the unit in which an event has one amplitude."""
        self._refresh(index)
        if self._places is None:
            lattice = index.lattice()
            names = index.schema.dimension_names
            d = names.index(index.schema.place) if index.schema.place in names else -1
            code = lattice.codes[d].astype(np.int64) if d >= 0 else np.zeros(lattice.size, np.int64)
            self._places = code * len(index.schema.metrics) + lattice.metric
        return self._places

    def _refresh(self, index: SeriesIndex) -> None:
        if index is not self._index or len(index) != self._size:
            self._index, self._size, self._places = index, len(index), None
            self._masks, self._parts = {}, {}


def phase(occurrence: Occurrence, t_ms: int, interval_ms: int) -> float:
    """Weight of the effect at a tick: rises over the lead, 1 while the event lasts, falls over the tail."""
    middle = t_ms + interval_ms / 2
    if middle < occurrence.start_ms:
        lead = max(occurrence.lead_ms, 1)
        return max(0.0, min(1.0, 1 - (occurrence.start_ms - middle) / lead))
    if middle >= occurrence.end_ms:
        tail = max(occurrence.tail_ms, 1)
        return max(0.0, min(1.0, 1 - (middle - occurrence.end_ms) / tail))
    return 1.0


def prior(occurrence: Occurrence) -> tuple[float, float]:
    """Mean and variance of the log effect before the event: the middle of the operator's range, else nothing known."""
    if occurrence.change is None:
        return 0.0, PRIOR_SD**2
    low, high = envelope(occurrence, 0.0)
    return (low + high) / 2, max(((high - low) / 4) ** 2, 0.05**2)


def envelope(occurrence: Occurrence, widen: float) -> tuple[float, float]:
    """Log effects that the event explains, widened by `widen` on both sides; ±3 prior sd where nothing is expected."""
    if occurrence.change is None:
        reach = 3 * PRIOR_SD
        low = 0.0 if occurrence.direction == "up" else -reach
        high = 0.0 if occurrence.direction == "down" else reach
    else:
        low, high = (math.log(max(1 + c, 0.01)) for c in occurrence.change)
    return low - widen, high + widen
