"""The simulated world: parameters in, counts of every minute and the truth about them out; no clock, no I/O."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from connectors.simulation.calendar import CalendarEvent, calendar_event, calendar_yaml
from connectors.simulation.faults import incident_plans
from connectors.simulation.losses import Losses
from connectors.simulation.noise import BLOCK_KNOTS, BLOCK_MINUTES, CoarseNoise, coarse_noise, leaf_noise
from connectors.simulation.parameters import WorldParameters
from connectors.simulation.planned import planned_events, with_calendar_faults
from connectors.simulation.rng import Stream, generator
from connectors.simulation.shape import (
    KNOT_MINUTES,
    WEEK_KNOTS,
    leaf_volume,
    watched_profile,
    witness_profile,
    witness_volume,
)
from connectors.simulation.truth import IDENTIFIABLE, Event, Incident, IncidentPlan, Truth, information
from connectors.simulation.unplanned import high_impact_events, low_impact_events
from detector.errors import DataError
from detector.frame import Key
from detector.schema import Schema

MINUTE_MS = 60_000
WITNESS_WHITE = 0.008  # sd of what a witness varies by from minute to minute, beside its counts


class Panel(NamedTuple):
    """Aligned minutes of all leaves."""

    t_ms: NDArray[np.int64]  # (T,) starts of the minutes
    y: NDArray[np.float64]  # (T, S) counts, NaN where no sample arrived


class World:
    """One world. Equal parameters give equal bytes, for any order and size of the pieces that are asked for.

    Counts are Poisson around a lognormal mean to which all effects add in log; incidents thin (or add to) the counts
    that would have been, so that without them every other count is the same. Time is made in blocks of six hours; the
    two blocks used last are kept.
    """

    def __init__(self, parameters: WorldParameters) -> None:
        self.parameters = parameters
        geography = parameters.geography
        self.watched_count = int(np.prod(geography.shape))
        self.leaves: list[Key] = [*geography.watched_leaves(), *geography.witness_leaves()]
        self._volume = leaf_volume(parameters.seed, geography, parameters.volume)
        self._witness_volume = witness_volume(parameters.seed, geography, parameters.volume)
        self._profile = watched_profile(parameters)
        self._witness_profile = witness_profile(parameters)
        draw = generator(parameters.seed, Stream.VOLUME, 2)
        self._unevenness = np.exp(parameters.noise.unevenness * draw.standard_normal(self._volume.shape)).astype("f4")
        self._bursty = draw.random(self.watched_count) < 0.25
        absent = draw.random(self._witness_volume.shape) < parameters.rates.absent_witnesses
        self._losses = Losses(parameters, self.watched_count, absent)
        self._blocks: dict[int, NDArray[np.float64]] = {}

    def schema(self) -> Schema:
        """What an operator of this service would declare."""
        return self.parameters.geography.schema()

    @cached_property
    def truth(self) -> Truth:
        """Everything that happens in this world."""
        parameters = self.parameters
        planned = with_calendar_faults(parameters, planned_events(parameters))
        high = high_impact_events(parameters)
        events = [*planned, *low_impact_events(parameters), *high, *parameters.events]
        plans = incident_plans(parameters, self._volume, high)
        plans = sorted([*plans, *parameters.incidents], key=lambda plan: (plan.start_ms, plan.end_ms, plan.where))
        return Truth(
            tuple(sorted(events, key=lambda event: (event.start_ms, event.event_id))),
            tuple(self._incident(f"incident-{i + 1}", plan) for i, plan in enumerate(plans)),
        )

    def calendar_events(self) -> list[CalendarEvent]:
        """What the operator's calendar holds, as in a calendar file: not everything, nor everything at its time."""
        return [calendar_event(e) for e in self.truth.of_kind("anticipated") if e.scheduled_start_ms is not None]

    def calendar_yaml(self) -> str:
        """The operator's calendar as a file."""
        return calendar_yaml(self.calendar_events())

    def panel(self, from_minute: int, to_minute: int) -> Panel:
        """Minutes [from, to) of the world, counted from its start; (T,) and (T, S), rows as in `leaves`."""
        if not 0 <= from_minute <= to_minute <= self.parameters.minutes:
            last = self.parameters.minutes
            raise DataError(f"world.panel: expected 0 <= from <= to <= {last} minutes, got {from_minute}, {to_minute}")
        t_ms = self.parameters.start_ms + MINUTE_MS * np.arange(from_minute, to_minute, dtype=np.int64)
        y = np.empty((to_minute - from_minute, len(self.leaves)))
        for block in range(from_minute // BLOCK_MINUTES, -(-to_minute // BLOCK_MINUTES)):
            begin = block * BLOCK_MINUTES
            low, high = max(from_minute, begin), min(to_minute, begin + BLOCK_MINUTES)
            y[low - from_minute : high - from_minute] = self._block(block)[low - begin : high - begin]
        return Panel(t_ms, y)

    def chunks(self, minutes: int = 1440, from_minute: int = 0) -> Iterator[Panel]:
        """The world to its end in pieces of at most `minutes`: never all in memory at once."""
        for begin in range(from_minute, self.parameters.minutes, minutes):
            yield self.panel(begin, min(begin + minutes, self.parameters.minutes))

    def expected(self, minute: int) -> NDArray[np.float64]:
        """Mean counts a minute of the watched leaves, (watched,), without noise, events and incidents."""
        knot = (minute // KNOT_MINUTES) % WEEK_KNOTS
        return np.asarray(np.exp(self._volume + self._profile[knot][:, :, None]).ravel(), np.float64)

    def _incident(self, name: str, plan: IncidentPlan) -> Incident:
        cells = np.array(self.parameters.geography.rows(plan.where), np.intp)
        half = min(plan.end_ms - plan.start_ms, 3_600_000) // 2
        expected = self.expected((plan.start_ms + half - self.parameters.start_ms) // MINUTE_MS)[cells]
        known = information(plan, expected) if len(cells) else 0.0
        return Incident(name, plan, cells, expected, known, known >= IDENTIFIABLE)

    @cached_property
    def _coarse(self) -> CoarseNoise:
        return coarse_noise(self.parameters)

    def _block(self, block: int) -> NDArray[np.float64]:
        if block not in self._blocks:
            while len(self._blocks) >= 2:
                del self._blocks[next(iter(self._blocks))]
            self._blocks[block] = self._make_block(block)
        return self._blocks[block]

    def _make_block(self, block: int) -> NDArray[np.float64]:
        """(BLOCK_MINUTES, S) counts of one block, from its own random streams alone."""
        parameters = self.parameters
        t_ms = parameters.start_ms + MINUTE_MS * (block * BLOCK_MINUTES + np.arange(BLOCK_MINUTES, dtype=np.int64))
        draw = generator(parameters.seed, Stream.COUNTS, block)
        log_mean = self._watched_log_mean(block, draw)
        log_witness = self._witness_log_mean(block, draw)
        for event in self.truth.events:
            if event.ramp[0] <= t_ms[-1] and event.ramp[3] > t_ms[0]:
                self._apply(event, t_ms, log_mean, log_witness)
        y = np.empty((BLOCK_MINUTES, len(self.leaves)))
        y[:, : self.watched_count] = draw.poisson(np.exp(log_mean).reshape(BLOCK_MINUTES, -1))
        y[:, self.watched_count :] = draw.poisson(np.exp(log_witness).reshape(BLOCK_MINUTES, -1))
        for number, incident in enumerate(self.truth.incidents):
            if incident.start_ms <= t_ms[-1] and incident.end_ms > t_ms[0]:
                self._break(number, incident, block, t_ms, y)
        self._losses.apply(block, y)
        return y

    def _watched_log_mean(self, block: int, draw: np.random.Generator) -> NDArray[np.float32]:
        """(BLOCK_MINUTES, devices, regions, activities): volume, shape and noise."""
        noise, shape = self.parameters.noise, self._volume.shape
        coarse, span = self._coarse, slice(block * BLOCK_KNOTS, (block + 1) * BLOCK_KNOTS + 1)
        week = np.arange(span.start, span.stop) % WEEK_KNOTS
        knots = np.broadcast_to(self._volume.astype("f4"), (BLOCK_KNOTS + 1, *shape)).copy()
        knots += (self._profile[week] + coarse.region[span, None, :] + coarse.device[span, :, None])[..., None]
        own = noise.scale * noise.leaf * leaf_noise(self.parameters, block, self.watched_count).reshape(-1, *shape)
        knots += self._unevenness * (coarse.pair[span][..., None] + own)
        log_mean = _interpolate(knots)
        white = draw.standard_normal((BLOCK_MINUTES, self.watched_count), np.float32)
        bursty = np.flatnonzero(self._bursty)
        burst = draw.random((BLOCK_MINUTES, len(bursty)), np.float32) < 0.03
        white[:, bursty] *= np.where(burst, np.float32(noise.burst), np.float32(1))
        sd = np.float32(noise.scale * noise.white) * self._unevenness.ravel()
        log_mean += (white * sd).reshape(log_mean.shape)
        return log_mean

    def _witness_log_mean(self, block: int, draw: np.random.Generator) -> NDArray[np.float32]:
        """(BLOCK_MINUTES, regions, stacks): volume, shape and noise."""
        span = slice(block * BLOCK_KNOTS, (block + 1) * BLOCK_KNOTS + 1)
        week = np.arange(span.start, span.stop) % WEEK_KNOTS
        knots = (self._witness_volume + self._witness_profile[week] + self._coarse.witness[span]).astype("f4")
        log_mean = _interpolate(knots)
        sd = np.float32(self.parameters.noise.scale * WITNESS_WHITE)
        log_mean += sd * draw.standard_normal(log_mean.shape, np.float32)
        return log_mean

    def _apply(
        self, event: Event, t_ms: NDArray[np.int64], log_mean: NDArray[np.float32], log_witness: NDArray[np.float32]
    ) -> None:
        geography, profile = self.parameters.geography, event.profile(t_ms)
        effects, families = dict(event.effect), dict(event.by_family)
        activities, stacks = dict(event.by_activity), dict(event.by_stack)
        by_device = np.array([families.get(d.family, 1.0) for d in geography.devices])
        by_activity = np.array([activities.get(a.name, 1.0) for a in geography.activities])
        by_stack = np.array([stacks.get(s.name, 0.0) for s in geography.stacks])
        for r, region in enumerate(geography.regions):
            if region.name in effects:
                curve = effects[region.name] * profile
                log_mean[:, :, r, :] += curve[:, None, None] * by_device[None, :, None] * by_activity
                log_witness[:, r, :] += curve[:, None] * by_stack

    def _break(
        self, number: int, incident: Incident, block: int, t_ms: NDArray[np.int64], y: NDArray[np.float64]
    ) -> None:
        """Thins the counts of an incident's cells by what it loses; a surge adds counts, stuck repeats one."""
        draw = generator(self.parameters.seed, Stream.INCIDENT_COUNTS, number, block)
        plan, cells = incident.plan, incident.cells
        on = np.flatnonzero((t_ms >= plan.start_ms) & (t_ms < plan.end_ms))
        grid = np.ix_(on, cells)
        if plan.shape == "stuck":
            y[grid] = np.maximum(np.round(incident.expected), 1)
        elif plan.shape == "zero":
            y[grid] = 0
        elif plan.depth >= 0:
            y[grid] = draw.binomial(y[grid].astype(np.int64), 1 - plan.loss(t_ms[on])[:, None])
        else:
            y[grid] += draw.poisson(incident.expected * -plan.loss(t_ms[on])[:, None])


def _interpolate(knots: NDArray[Any]) -> NDArray[np.float32]:
    """(BLOCK_KNOTS + 1, …) values at knots to (BLOCK_MINUTES, …) values at minutes, by straight lines."""
    weight = (np.arange(KNOT_MINUTES, dtype=np.float32) / KNOT_MINUTES).reshape(1, -1, *(1,) * (knots.ndim - 1))
    values = knots[:-1, None] + weight * (knots[1:] - knots[:-1])[:, None]
    return np.asarray(values.reshape(BLOCK_MINUTES, *knots.shape[1:]), np.float32)
