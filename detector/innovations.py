"""Series without peers: how far one tick lies from fast, robust levels of the deseasonalised value, in scales."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.schema import MINUTE_MS
from detector.season_start import cycle_medians
from detector.timing import DAY_MS, HOUR_MS, WEEK_MS
from detector.view import Float32s

EXPERTS = 3  # no season; daily; daily and day of week
FAST_TICKS = (2.0, 5.0, 15.0)  # half-lives of the levels that are judged; one tick against each
HOURS = 24
SLOTS_A_DAY = 48
DAYS_TO_START = 7  # with a slot, before a daily profile is taken from them; four days mislead
WEEKS_TO_START = 3
YOUNG = 100  # samples until which the seasonal bases are plain means, and nothing is wild
DRIFTING = 1  # which fast level is held against the slow one
DRIFT_OUTLIER = 4.0  # sizes at which a drift stops counting for its size
FINE_MS = 5 * MINUTE_MS  # from here on, and below `COARSE_MS`, drift is heard
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
        season = self._season(state, t_ms)
        first = state.seen == 0
        e, scale, hour = self._heard(state, t_ms, x, season)
        spread = self._spread(state, scale, hour)
        z = (e / spread).mean(axis=0)
        z[first & ~np.isnan(x)] = 0
        expected: Float32s = x - e[1]
        drift = self._drift(state)
        drift[first] *= 0
        drift[np.isnan(x)] = np.nan
        return Innovation(z.astype(np.float32), expected, spread[1], drift)

    def learn(self, state: InnovationState, t_ms: int, x: Float32s, rate: Float32s) -> None:
        """Moves levels, scales and seasons in place by `rate` (S,): 1 usual, 0 frozen. Clip and `wild` protect them."""
        there = ~np.isnan(x)
        season = self._season(state, t_ms)
        self._start(state, x, season, there)
        rate = np.where(there, rate, 0).astype(np.float32)
        x = np.where(there, x, 0).astype(np.float32)
        state.seen[...] += there
        young: Float32s = (1 / np.maximum(state.seen, 1)).astype(np.float32)
        followed = rate * self._learn_clock(state, t_ms, x, season, rate, young)
        e = x - season[:, None, :] - state.level
        e[:, :, ~there] = 0
        self._learn_drift(state, rate, young)
        limit = np.maximum(state.scale, np.float32(self.floor))
        gain = np.array([1 - 0.5 ** (1 / h) for h in self.half_lives], np.float32)[:, None]
        state.level[...] += (
            followed * np.maximum(gain, np.minimum(young, 0.5)) * np.clip(e, -self.clip * limit, self.clip * limit)
        )
        move = followed * np.maximum(np.float32(self.alpha), np.minimum(young, 0.5))
        state.scale[...] += move * (np.minimum(np.abs(e), self.outlier * limit) - state.scale)
        self._learn_season(state, t_ms, x, season, rate, young, there)

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
        ticks = list(zip(t_ms.tolist(), np.asarray(x, np.float32), strict=True))
        for t, row in ticks:
            self.learn(state, t, row, ones)
        z, drift = [], []
        for t, row in ticks:
            found = self.score(state, t, row)
            z.append(found.z)
            drift.append(found.drift)
            self.learn(state, t, row, ones)
        return np.stack(z), np.stack(drift)

    def _daily(self, state: InnovationState, t_ms: NDArray[np.int64]) -> Float32s:
        """(T, S) the daily profile at many ticks."""
        out: Float32s = np.stack([self._season(state, t)[1] for t in t_ms.tolist()])
        return out

    def _slots(self, t_ms: int, cycle_ms: int, slots: int) -> tuple[int, int, np.float32]:
        """The two slots around the tick's middle and the weight of the second."""
        at = ((t_ms + self.interval_ms / 2) % cycle_ms) / cycle_ms * slots - 0.5
        i = math.floor(at)
        return i % slots, (i + 1) % slots, np.float32(at - i)

    def _season(self, state: InnovationState, t_ms: int) -> Float32s:
        """(3, S) what each expert takes off."""
        i, j, w = self._slots(t_ms, DAY_MS, len(state.daily))
        day = (1 - w) * state.daily[i] + w * state.daily[j]
        i, j, w = self._slots(t_ms, WEEK_MS, len(state.weekly))
        week = (1 - w) * state.weekly[i] + w * state.weekly[j]
        return np.stack([np.zeros_like(day), day, day + week])

    def _heard(
        self, state: InnovationState, t_ms: int, x: Float32s, season: Float32s
    ) -> tuple[Float32s, Float32s, int]:
        """(H - 1, S) innovation and scale of the expert that each fast level listens to, and the hour of the day."""
        fast = len(FAST_TICKS)
        scale = np.maximum(state.scale[:, :fast], np.float32(self.floor))
        e = x - season[:, None, :] - state.level[:, :fast]
        size = np.nan_to_num(np.abs(e) / scale)
        size[scale > np.float32(self.tolerance) * scale.min(axis=0)] = np.inf
        kindest = size.argmin(axis=0)[None]
        hour = int((t_ms % DAY_MS) * HOURS // DAY_MS)
        return np.take_along_axis(e, kindest, 0)[0], np.take_along_axis(scale, kindest, 0)[0], hour

    def _drift(self, state: InnovationState) -> Float32s:
        """(S,) the fast level's distance from the slow one, by the expert that is least surprised."""
        size = np.maximum(state.drift, np.float32(self.floor))
        moved = (state.level[:, DRIFTING] - state.level[:, -1]) / size
        told = np.abs(moved)
        told[size > np.float32(self.tolerance) * size.min(axis=0)] = np.inf
        out: Float32s = np.take_along_axis(moved, told.argmin(axis=0)[None], 0)[0]
        if not self.hears_drift:
            out[...] = np.nan
        return out

    def _learn_drift(self, state: InnovationState, rate: Float32s, young: Float32s) -> None:
        limit = np.maximum(state.drift, np.float32(self.floor))
        moved = np.abs(state.level[:, DRIFTING] - state.level[:, -1])
        move = rate * np.maximum(np.float32(self.alpha), np.minimum(young, 0.5))
        state.drift[...] += move * (np.minimum(moved, DRIFT_OUTLIER * limit) - state.drift)

    def _learn_clock(
        self, state: InnovationState, t_ms: int, x: Float32s, season: Float32s, rate: Float32s, young: Float32s
    ) -> Float32s:
        """Learns the clock; (S,) the share of their rate at which levels and scales follow this tick."""
        e, scale, hour = self._heard(state, t_ms, x, season)
        z = (e / self._spread(state, scale, hour)).mean(axis=0)
        is_wild = (np.abs(z) > self.wild) & (state.seen > YOUNG)
        ratio = np.minimum(np.abs(e) / scale, np.float32(self.outlier))
        move = rate * np.minimum(1, np.maximum(np.float32(self.alpha * HOURS), young))
        clock = state.clock[:, hour]
        state.clock[:, hour] = np.maximum(clock + move * (ratio - clock), np.float32(0.2))
        return np.where(is_wild, np.float32(self.wild_rate), np.float32(1))

    def _spread(self, state: InnovationState, scale: Float32s, hour: int) -> Float32s:
        """(H - 1, S) what an innovation is measured in."""
        spread: Float32s = np.maximum(scale * state.clock[:, hour], np.float32(self.floor))
        return spread

    def _learn_season(
        self, state: InnovationState, t_ms: int, x: Float32s, season: Float32s, rate: Float32s, young: Float32s,
        there: NDArray[np.bool_],
    ) -> None:  # fmt: skip
        per_slot = self.season_gain / max(1.0, self.day / len(state.daily))
        slow = np.where(state.seen > YOUNG, np.float32(4 * self.alpha), young)
        for k, (profile, cycle_ms) in enumerate(((state.daily, DAY_MS), (state.weekly, WEEK_MS))):
            limit = 3 * np.maximum(state.scale[k + 1, -1], np.float32(self.floor))
            e = np.where(there, np.clip(x - season[k + 1] - state.base[k], -limit, limit), 0) * rate
            state.base[k] += slow * e
            if len(profile) == 1:  # one slot is a level, not a season
                continue
            i, j, w = self._slots(t_ms, cycle_ms, len(profile))
            profile[i] += np.float32(per_slot) * (1 - w) * e
            profile[j] += np.float32(per_slot) * w * e

    def _start(self, state: InnovationState, x: Float32s, season: Float32s, there: NDArray[np.bool_]) -> None:
        """A row's first sample is its first level."""
        first = there & (state.seen == 0)
        if first.any():
            state.level[:, :, first] = (x - season)[:, None, first]
            state.base[:, first] = (x - season[1:])[:, first]
