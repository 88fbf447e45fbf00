"""The whole step on a warm lattice: everything that a live daemon does between an aligned tick and its outcome."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from benchmarks.speed.lattice import Sizes, Traffic, keys, schema
from detector.frame import Tick
from detector.timing import DAY_MS, WEEK_MS
from suppression.calendar import Calendar, Event, Scope
from suppression.controls import Controls
from suppression.silence import Silence
from tocsin.core import Core, State
from tocsin.outcome import Outcome
from tocsin.parameters import Parameters
from tocsin.pipeline import step

START_MS = 1_790_035_200_000  # midnight UTC; the event below begins 13 hours later
QUIET_TICKS = 26  # filters fill; after them scales and tails are fitted
WANTED_SHARE = 0.01  # of rows in an episode
SETTLE_TICKS = 64  # deviations reach the share that they keep
MINUTE_MS = 60_000
EVENT_CHANGE = -0.15


@dataclass(slots=True)
class Warm:
    """A warm engine and the traffic that goes on. `controls`: a continent's event that is on, a silence."""

    core: Core
    state: State
    traffic: Traffic
    controls: Controls
    t_ms: int

    def next_tick(self, *, deviating: bool = True) -> Tick:
        """Counts of the next minute; making them is no part of what is measured.

        Every eighth tick new slabs make up for the rows that have left their episodes.
        """
        missing = WANTED_SHARE - self.episode_share()
        if deviating and self.state.ticks % 8 == 0 and missing > 0.0005:
            self.traffic.widen(missing * len(self.traffic.leaves))
        effect = None
        if self.controls.calendar.active(self.t_ms):
            effect = np.where(self.in_scope(), 1 + EVENT_CHANGE, 1.0)
        y = self.traffic.tick(day_shape(self.t_ms), deviating=deviating, effect=effect)
        delivered = np.ones(len(self.core.schema.metrics), bool)
        tick = Tick(self.t_ms, y, delivered)
        self.t_ms += MINUTE_MS
        return tick

    def in_scope(self) -> NDArray[np.bool_]:
        """(S,) leaves that the event is about."""
        index = self.state.index
        lattice = index.lattice()
        texts, _ = index.vocabulary(1)
        continent = index.parent_codes(1, 0)[lattice.codes[1]]
        return np.asarray(lattice.leaf & (continent == texts.index("c0")))

    def step(self, tick: Tick, *, quiet: bool = False) -> Outcome:
        self.state, outcome = step(self.core, self.state, tick, self.controls, quiet=quiet)
        return outcome

    def timed_ticks(self, ticks: int) -> list[float]:
        """CPU seconds of each of so many steps."""
        out = []
        for _ in range(ticks):
            tick = self.next_tick()
            begun = time.process_time()
            self.step(tick)
            out.append(time.process_time() - begun)
        return out

    def episode_share(self) -> float:
        return float((self.state.episode.sign != 0).mean())


def day_shape(t_ms: int) -> float:
    """Factor of the time of day, mean 1 on the log scale."""
    return math.exp(0.5 * math.sin(2 * math.pi * (t_ms % DAY_MS) / DAY_MS))


def calendar() -> Calendar:
    """One event: the first continent's regions, 30 % down to nothing, on from 13:00."""
    begin = datetime.fromtimestamp(START_MS / 1000, UTC).replace(tzinfo=None) + timedelta(hours=13)
    event = Event(
        "festival", "Festival", begin, timedelta(hours=8), scope=Scope({"region.continent": ("c0",)}),
        direction="down", change=(-0.3, 0.0),
    )  # fmt: skip
    return Calendar((event,))


def build(rows: int, *, with_witness: bool = False) -> Warm:
    """`build_sizes` of about so many rows."""
    return build_sizes(Sizes.of(rows), with_witness=with_witness)


def build_sizes(sizes: Sizes, *, with_witness: bool = False) -> Warm:
    """Index, state and profile as after weeks: level and weekly profile are set to the truth, nothing is learnt yet."""
    core = Core(schema(sizes, with_witness=with_witness), Parameters())
    state = core.init()
    state.index.admit(keys(sizes, with_witness=with_witness))
    derived = core.adapt(state)
    traffic = Traffic(state.index, sizes)
    season = state.season
    season.ell[...] = np.log(traffic.mean)
    bucket = core.timing.bucket_ms
    for slot in range(len(season.season)):
        season.season[slot] = math.log(day_shape(slot * bucket + bucket // 2))
    season.seen[...] = 1e6
    state.rows.born[...] = 3 * WEEK_MS // core.timing.interval_ms
    state.rows.age[...] = 0
    state.rows.kind[...] = 0
    state.rows.classes[...] = core.classes(state, derived)
    silence = Silence("s1", Scope({"device": ("d0",)}), START_MS, START_MS + WEEK_MS, "bench", "work on d0")
    return Warm(core, state, traffic, Controls(calendar(), (silence,)), START_MS + 13 * 60 * MINUTE_MS)


def warm(rows: int, *, with_witness: bool = False) -> Warm:
    """`build`, then quiet ticks that fill the filters, one fit of the tails, and ticks with deviations."""
    out = build(rows, with_witness=with_witness)
    for _ in range(QUIET_TICKS):
        out.step(out.next_tick(deviating=False), quiet=True)
    out.core.calibration.fit(out.state.calibration, out.state.rows.classes)
    out.traffic.start_deviations()
    for _ in range(SETTLE_TICKS):
        out.step(out.next_tick())
    return out
