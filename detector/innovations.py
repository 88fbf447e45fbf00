"""Series without peers: how far one tick lies from fast, robust levels of the deseasonalised value, in scales."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.look import EXPERTS, Look, Place, experts, gains, kindest, nothing, place_of
from detector.schema import MINUTE_MS
from detector.season_start import cycle_medians
from detector.timing import DAY_MS, HOUR_MS, WEEK_MS
from detector.view import Float32s

FAST_TICKS = (2.0, 5.0, 15.0)  # half-lives of the levels that are judged; one tick against each
HOURS = 24
SLOTS_A_DAY = 48
DAYS_TO_START = 7  # with a slot, before a daily profile is taken from them; four days mislead
WEEKS_TO_START = 3
YOUNG = 100  # samples until which the seasonal bases are plain means, and nothing is wild
DRIFTING = 1  # which fast level is held against the slow one
DRIFT_OUTLIER = 4.0  # sizes at which a drift stops counting for its size
FINE_MS = 5 * MINUTE_MS  # from here on, and below `COARSE_MS`, drift is heard
LEAST_CLOCK = np.array(0.2, np.float32)
THREE = np.array(3, np.float32)  # fast levels in a mean; scales at which a base and its season stop to listen
COARSE_MS = HOUR_MS // 2  # from here on a wild tick is a larger share of what scales remember


class InnovationState(NamedTuple):
    """S rows on the link scale; H = 3 fast levels and a slow one that seasons are learnt against."""

    daily: Float32s  # (D, S) deviation of a time of day
    weekly: Float32s  # (W, S) deviation of a time of week from its time of day
    base: Float32s  # (2, S) slow level under the daily, and under the daily and weekly profile
    level: Float32s  # (3, H, S) per expert and half-life
    scale: Float32s  # (3, H, S) mean |innovation|, clipped
    clock: Float32s  # (H - 1, 24, S) usual |innovation| of an hour of the day, in scales
    drift: Float32s  # (3, S) mean |fast level - slow level|, clipped
    seen: Float32s  # (S,) samples


class Innovation(NamedTuple):
    z: Float32s  # (S,) mean over the fast levels of innovation / scale; NaN where there is no sample
    expected: Float32s  # (S,) on the link scale, by the middle fast level
    band: Float32s  # (S,) its scale: a calm |x - expected| is about 0.8 of it
    drift: Float32s  # (S,) how far the last half hour lies from the last days, in its usual sizes; NaN: no opinion
    look: Look  # for `learn`


class Constants(NamedTuple):
    """Numbers that follow from the parameters, as float32 arrays: numpy mixes those fastest with arrays of few rows."""

    slot: np.float32  # share of a slot that one tick in it teaches
    floor: Float32s
    tolerance: Float32s
    clip: Float32s
    outlier: Float32s
    alpha: Float32s  # of scales
    clock: Float32s  # of the clock
    slow: Float32s  # of the bases
    settled: Float32s  # samples from which all of these hold, whatever was young before


@dataclass(frozen=True, slots=True)
class Innovations:
    """Clipped exponential smoothing over seasonal experts (after Gelper, Fried & Croux 2010).

    Expert k has a season `s_k` and levels `l_kh`; `e_kh = x - s_k - l_kh`. Each half-life h hears, among the experts
    whose mean clipped |e| is about the best, the one that is least surprised: a peak of every evening is no news though
    it is too short to make the seasonal expert's mean error the smallest.
    `z = mean_h e_h / max(scale_h clock_h, floor)`.

    Levels move by the clipped e, `clip` scales at most, so that a short incident leaves no echo and a lasting shift is
    adopted after it was told; while |z| is above `wild` they and the scales move at `wild_rate`, so that an incident is
    not normal before it ends, nor the next one beside it. One tick is judged, not a sum: incidents of minute KPIs are
    over in minutes, and a sum finds fewer of them.

    Streams of five minutes also shift and change shape slowly: `d_k = l_k5 - l_k,slow`, in its own mean size, of the
    expert that is least surprised. Hourly series found less with it, so it is heard between the two only.
    """

    interval_ms: int
    clip: float = 3.0  # scales that a level moves by at most
    outlier: float = 4.0  # scales at which an innovation stops counting for the scale
    season_gain: float = 0.2  # share of a slot that one day (week) teaches
    tolerance: float = 1.2  # an expert is heard while its scale is at most so many times the best one's
    floor: float = 0.03  # of the history's spread
    scale_ms: int = 10 * DAY_MS  # half-life of scales
    wild: float = 4.0  # |z| above which levels and scales follow slowly
    wild_rate: float = 1.0  # share of the usual rate there

    constants: Constants = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "constants", self._constants())

    @classmethod
    def of(cls, interval_ms: int) -> Innovations:
        """Ticks of half an hour and longer: fewer of them, so a wild one may teach less.

        Shorter ones keep the whole rate: five-minute metrics of servers find fewer of their incidents with half of it.
        Half the season's gain found more in two weeks of hourly history, but lost a drop after five days of it.
        """
        if interval_ms >= COARSE_MS:
            return cls(interval_ms, outlier=2.5, wild_rate=0.5)
        return cls(interval_ms)

    @property
    def hears_drift(self) -> bool:
        return FINE_MS <= self.interval_ms < COARSE_MS

    @property
    def day(self) -> float:
        """Ticks a day; below 1 for intervals beyond a day."""
        return DAY_MS / self.interval_ms

    @property
    def slots(self) -> tuple[int, int]:
        """Seasonal slots of a day and of a week."""
        return max(1, min(SLOTS_A_DAY, int(self.day))), max(1, min(7 * SLOTS_A_DAY, int(7 * self.day)))

    @property
    def half_lives(self) -> tuple[float, ...]:
        """In ticks; the slow one is three days, at least 300 ticks."""
        return (*FAST_TICKS, max(3 * self.day, 300.0))

    @property
    def alpha(self) -> float:
        """Share by which a settled scale moves at one sample."""
        return float(1 - 0.5 ** (1 / max(self.scale_ms / self.interval_ms, 300.0)))

    def init(self, n: int) -> InnovationState:
        d, w = self.slots
        h = len(self.half_lives)
        return InnovationState(
            np.zeros((d, n), np.float32), np.zeros((w, n), np.float32), np.zeros((2, n), np.float32),
            np.zeros((EXPERTS, h, n), np.float32), np.ones((EXPERTS, h, n), np.float32),
            np.ones((h - 1, HOURS, n), np.float32), np.ones((EXPERTS, n), np.float32), np.zeros(n, np.float32),
        )  # fmt: skip

    def score(self, state: InnovationState, t_ms: int, x: Float32s) -> Innovation:
        """Judges x (S,), link scale, NaN = no sample; changes nothing. A row's first sample is 0 from itself."""
        look = self._look(state, t_ms, x)
        absent, z, drift = look.absent, look.z.copy(), self._drift(state, look)
        if np.count_nonzero(state.seen) < len(z):
            first = state.seen == 0
            z[first] = 0
            if self.hears_drift:
                drift[first] = 0
        z[absent] = np.nan
        if self.hears_drift:
            drift[absent] = np.nan
        return Innovation(z, x - look.heard[1], look.spread[1], drift, look)

    def learn(
        self, state: InnovationState, t_ms: int, x: Float32s, rate: Float32s, look: Look | None = None
    ) -> None:  # fmt: skip
        """Moves levels, scales and seasons in place by `rate` (S,): 1 usual, 0 frozen. Clip and `wild` protect them.

        `look`: what `score` gave at this tick, if it was asked.
        """
        there = ~(np.isnan(x) if look is None else look.absent)
        if np.count_nonzero(state.seen) < len(x) and self._start(state, t_ms, x, there):
            look = None
        look = look or self._look(state, t_ms, x)
        own, seen, size = self.constants, state.seen, len(x)
        if look.is_gappy:
            rate = rate * there
        np.add(seen, there, seen)
        gain, alpha, clock, slow = gains(self.half_lives, size), own.alpha, own.clock, own.slow
        if np.count_nonzero((seen < own.settled) & there):
            young: Float32s = (1 / np.maximum(seen, 1)).astype(np.float32)
            half = np.minimum(young, 0.5)
            gain, alpha, clock = (
                np.maximum(gain, half),
                np.maximum(alpha, half),
                np.minimum(1, np.maximum(clock, young)),
            )
            slow = np.where(seen > YOUNG, slow, young)
        followed = rate
        if self.wild_rate != 1:
            is_wild = (np.abs(look.z) > np.float32(self.wild)) & (seen > YOUNG)
            followed = rate * np.where(is_wild, np.float32(self.wild_rate), np.float32(1))
        rates, follow = np.empty((2, EXPERTS * len(self.half_lives), size), np.float32)
        rates[:], follow[:] = rate, followed
        now = state.clock[:, look.hour]
        move = np.minimum(look.ratio, own.outlier)
        move -= now
        move *= rates[: len(move)]
        move *= clock
        move += now
        np.maximum(move, LEAST_CLOCK, out=now)
        if self.hears_drift:
            usual = np.maximum(state.drift, own.floor)
            state.drift[...] += rate * alpha * (np.minimum(np.abs(look.gap), DRIFT_OUTLIER * usual) - state.drift)
        reach = own.clip * look.limit
        step = np.minimum(look.e, reach)
        np.maximum(step, np.negative(reach, reach), out=step)
        step *= gain
        follow = follow.reshape(step.shape)
        step *= follow
        np.add(state.level, step, state.level)
        step = np.multiply(own.outlier, look.limit, step)
        np.minimum(look.size, step, out=step)
        step -= state.scale
        step *= alpha
        step *= follow
        np.add(state.scale, step, state.scale)
        self._learn_season(state, look, rates[:2], slow)

    def warm(self, state: InnovationState, t_ms: NDArray[np.int64], x: Float32s) -> tuple[Float32s, Float32s]:
        """Learns history x (T, S) at t_ms (T,), oldest first; z and drift (T, S) of its last pass, for calibration.

        Three looks: medians over days and weeks start the seasons, a first pass finds the scales, a second settles.
        """
        if not len(t_ms):
            return np.zeros((0, x.shape[1]), np.float32), np.zeros((0, x.shape[1]), np.float32)
        if len(state.daily) > 1:
            state.daily[...] = cycle_medians(t_ms, x, self.interval_ms, DAY_MS, len(state.daily), DAYS_TO_START)
        if len(state.weekly) > 1:
            left = x - self._daily(state, t_ms)
            state.weekly[...] = cycle_medians(t_ms, left, self.interval_ms, WEEK_MS, len(state.weekly), WEEKS_TO_START)
        ones = np.ones(x.shape[1], np.float32)
        z, drift = np.full((2, *x.shape), np.nan, np.float32)
        some = np.flatnonzero(~np.isnan(x).all(axis=1))  # rows may have histories of different months
        ticks = list(zip(some.tolist(), t_ms[some].tolist(), np.asarray(x[some], np.float32), strict=True))
        for _, t, row in ticks:
            self.learn(state, t, row, ones)
        for i, t, row in ticks:
            found = self.score(state, t, row)
            z[i], drift[i] = found.z, found.drift
            self.learn(state, t, row, ones, found.look)
        return z, drift

    def _daily(self, state: InnovationState, t_ms: NDArray[np.int64]) -> Float32s:
        """(T, S) the daily profile at many ticks."""
        out: Float32s = np.stack([self._season(state, self._places(state, t))[1] for t in t_ms.tolist()])
        return out

    def _places(self, state: InnovationState, t_ms: int) -> tuple[Place, Place]:
        middle = t_ms + self.interval_ms / 2
        return place_of(middle, DAY_MS, len(state.daily)), place_of(middle, WEEK_MS, len(state.weekly))

    def _season(self, state: InnovationState, places: tuple[Place, Place]) -> Float32s:
        """(3, S) what each expert takes off."""
        season = np.empty((EXPERTS, state.seen.shape[0]), np.float32)
        season[0] = 0
        day, week = season[1], season[2]
        i, j, before, after = places[0]
        np.multiply(state.daily[i], before, day)
        day += state.daily[j] * after
        i, j, before, after = places[1]
        np.multiply(state.weekly[i], before, week)
        week += state.weekly[j] * after
        week += day
        return season

    def _look(self, state: InnovationState, t_ms: int, x: Float32s) -> Look:
        own = self.constants
        places = self._places(state, t_ms)
        hour = (t_ms % DAY_MS) * HOURS // DAY_MS
        absent = np.isnan(x)
        is_gappy = bool(np.count_nonzero(absent))
        if is_gappy:
            x = x.copy()
            x[absent] = 0
        apart = x - self._season(state, places)
        e = apart.take(experts(len(self.half_lives)), 0).reshape(state.level.shape)
        e -= state.level
        size = np.abs(e)
        limit = np.maximum(state.scale, own.floor)
        ratio = size / limit
        best = kindest(ratio, limit, own.tolerance)
        fast = len(FAST_TICKS)
        heard = e.take(best)[:fast]
        spread = limit.take(best)[:fast] * state.clock[:, hour]
        np.maximum(spread, own.floor, out=spread)
        z = np.add.reduce(heard / spread, 0)
        z /= THREE
        gap = state.level[:, DRIFTING] - state.level[:, -1] if self.hears_drift else e[:0, 0]
        return Look(
            absent, is_gappy, places, hour, apart, e, size, limit, heard, ratio.take(best)[:fast], spread, z, gap
        )

    def _drift(self, state: InnovationState, look: Look) -> Float32s:
        """(S,) the fast level's distance from the slow one, by the expert that is least surprised."""
        if not self.hears_drift:
            return nothing(len(look.z))
        size: Float32s = np.maximum(state.drift, self.constants.floor)
        moved = look.gap / size
        out: Float32s = moved.take(kindest(np.abs(moved), size, self.constants.tolerance))
        return out

    def _learn_season(self, state: InnovationState, look: Look, rates: Float32s, slow: Float32s) -> None:
        """Each base and its profile by what that expert sees, clipped at three of its slow level's scales."""
        reach = np.maximum(state.scale[1:, -1], self.constants.floor)
        reach *= THREE
        e = look.apart[1:] - state.base
        np.minimum(e, reach, out=e)
        np.maximum(e, np.negative(reach, reach), out=e)
        e *= rates
        np.add(state.base, slow * e, state.base)
        slot = self.constants.slot
        for profile, place, seen in zip((state.daily, state.weekly), look.places, e, strict=True):
            if len(profile) == 1:  # one slot is a level, not a season
                continue
            row = profile[place.i]
            np.add(row, slot * place.before * seen, row)
            row = profile[place.j]
            np.add(row, slot * place.after * seen, row)

    def _start(self, state: InnovationState, t_ms: int, x: Float32s, there: NDArray[np.bool_]) -> bool:
        """A row's first sample is its first level; was there one?"""
        first = there & (state.seen == 0)
        if not np.count_nonzero(first):
            return False
        apart = (x - self._season(state, self._places(state, t_ms)))[:, first]
        state.level[:, :, first] = apart[:, None]
        state.base[:, first] = apart[1:]
        return True

    def _constants(self) -> Constants:
        slot = self.season_gain / max(1.0, self.day / self.slots[0])
        numbers = (
            self.floor, self.tolerance, self.clip, self.outlier, self.alpha, min(1.0, self.alpha * HOURS),
            4 * self.alpha, max(math.ceil(1 / self.alpha) + 1, YOUNG + 1),
        )  # fmt: skip
        return Constants(np.float32(slot), *(np.array(number, np.float32) for number in numbers))
