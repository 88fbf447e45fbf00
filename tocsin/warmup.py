"""Warm start of an engine from history: profiles in one vectorised pass, then filters and scales by quiet steps."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.frame import Key, Tick
from detector.timing import DAY_MS
from detector.warmstart import BucketSums, add_ticks, no_sums, start_from
from suppression.calendar import Calendar
from suppression.controls import Controls
from tocsin.core import Core, State
from tocsin.lone_start import warm_up_lone
from tocsin.past import Past, Piece, in_memory
from tocsin.pipeline import step
from tocsin.rows import COUNT, LOG_GAUGE, REAL_GAUGE, link

QUIET_MS = 3 * DAY_MS  # the end of history that is stepped through, at least
HELD_OUT_MS = 14 * DAY_MS  # before them, from which on profiles are made of what lies before alone
SHORTEST_MS = 2 * DAY_MS  # shorter history is stepped only
SAMPLED = 16_384  # ticks from which the usual size of a gauge is taken


def warm_up(
    core: Core,
    state: State,
    keys: Sequence[Key],
    t_ms: NDArray[np.int64],
    y: NDArray[np.float64],
    calendar: Calendar | None = None,
    quiet_ms: int = QUIET_MS,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> State:
    """Learns from a panel: `keys` (L,) leaves, `t_ms` (T,) tick starts without holes, `y` (T, L), NaN = no sample.

    The whole history gives level and profile; its last `quiet_ms` are stepped without raising anything, so that
    scales, contrasts and calibration are learnt by the very code that judges afterwards.
    """
    calendar = calendar or Calendar()
    if core.lone is not None:
        return warm_up_lone(core, state, keys, t_ms, y, calendar)
    state.index.admit(keys)
    rows = np.array([state.index.rows[key] for key in keys], np.int64)
    past = in_memory(t_ms, rows, np.asarray(y, float), len(core.schema.metrics))
    first = start_levels(core, state, past, calendar, quiet_ms)
    return step_quietly(core, state, past, calendar, first, progress)


def start_levels(core: Core, state: State, past: Past, calendar: Calendar, quiet_ms: int) -> int:
    """Kinds, levels and profiles of all rows from the past; the number of the tick to step quietly from.

    The leaves are in the index already. Where two weeks and more lie before the quiet steps, profiles know those
    only: on weeks that it was made of a profile errs too little, and scales learnt there page people later.
    """
    core.adapt(state)
    first = first_quiet(core, past, quiet_ms)
    if _is_long(past):
        _decide(core, state, past)
        sums, seen = _sums(core, state, past, calendar, first if _holds_out(core, first) else past.ticks, first)
        start_from(state.season, core.timing, sums, state.rows.kind > COUNT, core.adapt(state).leaning.parent)
        state.rows.born[...] = np.minimum(seen, 2**30).astype(np.int32)
    return first


def first_quiet(core: Core, past: Past, quiet_ms: int) -> int:
    """Number of the tick that the past is stepped quietly from; 0 where it is too short for a profile."""
    return max(0, past.ticks - max(core.timing.ticks(quiet_ms), 200)) if _is_long(past) else 0


def _is_long(past: Past) -> bool:
    return past.ticks > 0 and past.last_ms - past.first_ms >= SHORTEST_MS


def _holds_out(core: Core, first: int) -> bool:
    """Is what lies before the quiet steps enough for a profile of its own?"""
    return first * core.timing.interval_ms >= HELD_OUT_MS


def _sums(
    core: Core, state: State, past: Past, calendar: Calendar, until: int, first: int
) -> tuple[BucketSums, NDArray[np.int64]]:
    """Sums of buckets over the ticks before number `until`, events left out; samples of rows (S,) before `first`."""
    derived = core.adapt(state)
    off = _Unheard.of(core, state, calendar, past)
    sums = no_sums(core.timing, past.first_ms, past.last_ms, len(state.index))
    seen = np.zeros(len(state.index), np.int64)
    whole = no_sums(core.timing, past.first_ms, past.last_ms, 1)  # ticks of each bucket
    at, leaves = 0, derived.lattice.leaf
    for t_ms, y in _linked(core, state, past):
        early = max(0, min(len(t_ms), first - at))
        seen += np.where(leaves, np.isfinite(y[:early]).sum(axis=0), early)
        if off is not None:
            off.leave_out(t_ms, y)
        some = slice(0, max(0, min(len(t_ms), until - at)))
        add_ticks(whole, core.timing, t_ms[some], np.zeros((len(t_ms[some]), 1)), np.zeros(1, np.int64))
        add_ticks(sums, core.timing, t_ms[some], y[some], np.arange(len(state.index)))
        at += len(t_ms)
        if at >= max(until, first):
            break
    _roll_up(core, state, sums, whole.count[..., 0])
    return sums, seen


def step_quietly(
    core: Core, state: State, past: Past, calendar: Calendar, first: int,
    progress: Callable[[int, int], None] = lambda done, of: None,
    each: Callable[[int, State], None] = lambda done, state: None,
    reached: int = 0,
) -> State:  # fmt: skip
    """Steps the past from tick number `first` on without raising anything; `each` sees the state after every tick.

    `reached`: ticks that `state` has learnt already, by an earlier call with the same `first` that did not end. In the
    end profiles take in the weeks that were stepped.
    """
    controls = Controls(calendar=calendar)
    at, quiet = 0, past.ticks - first
    for piece in past.read():
        if reached <= first:
            _warm_feeds(core, state, piece, slice(0, max(0, first - at)))
        for i in range(max(0, max(first, reached) - at), len(piece.t_ms)):
            values = np.full(len(state.index), np.nan)
            values[piece.rows] = piece.y[i]
            state, _ = step(core, state, Tick(int(piece.t_ms[i]), values, piece.delivered[i]), controls, quiet=True)
            done = at + i + 1
            if (done - first) % 200 == 1:
                progress(done - first, quiet)
            each(done, state)
        at += len(piece.t_ms)
    if _holds_out(core, first):
        sums, _ = _sums(core, state, past, calendar, past.ticks, first)
        fresh = core.seasonal.init(len(state.index))
        start_from(fresh, core.timing, sums, state.rows.kind > COUNT, core.adapt(state).leaning.parent)
        state.season.season[...] = fresh.season
    core.budget.settle(state.budget, core.adapt(state).watched_leaves)
    progress(quiet, quiet)
    return state


def _warm_feeds(core: Core, state: State, piece: Piece, ticks: slice) -> None:
    """Feeds learn in which ticks before the quiet steps something came."""
    t_ms = piece.t_ms[ticks]
    codes = core.adapt(state).lattice.metric[piece.rows]
    came = np.zeros((len(t_ms), len(core.schema.metrics)), bool)
    for code in np.unique(codes).tolist():
        came[:, code] = np.isfinite(piece.y[ticks][:, codes == code]).any(axis=1)
    there = np.any(came[:, None] & core.feeds.holds, axis=2)
    core.feeds.warm(
        state.feed_absence, state.feed_gaps, state.feed_rows, t_ms, there, np.ones(len(t_ms), bool)
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Unheard:
    """Events in the past, and the leaves that each speaks about: what they did then teaches no profile."""

    occurrences: tuple[tuple[int, int, NDArray[np.int64]], ...]  # from, until (excluded), leaves in scope

    @classmethod
    def of(cls, core: Core, state: State, calendar: Calendar, past: Past) -> _Unheard | None:
        """None where no event is on, or the calendar covers more than half of what was seen: then it says nothing."""
        leaves: dict[object, NDArray[np.int64]] = {}  # one array a scope
        found = []
        for o in calendar.between(past.first_ms, past.last_ms + 1):
            if o.scope not in leaves:
                leaves[o.scope] = np.flatnonzero(core.scopes.mask(state.index, o))
            found.append((o.from_ms, o.until_ms, leaves[o.scope]))
        covered = sum(
            (min(until, past.last_ms) - max(since, past.first_ms)) * len(inside) for since, until, inside in found
        )
        most = 0.5 * (past.last_ms - past.first_ms) * max(int(core.adapt(state).lattice.leaf.sum()), 1)
        return cls(tuple(found)) if found and covered <= most else None

    def leave_out(self, t_ms: NDArray[np.int64], y: NDArray[np.float64]) -> None:
        """Forgets, in place, what leaves in scope did: `t_ms` (T,) ascending, `y` (T, S)."""
        for since, until, leaves in self.occurrences:
            low, high = np.searchsorted(t_ms, (since, until)).tolist()
            if low < high:
                y[low:high, leaves] = np.nan


def _linked(core: Core, state: State, past: Past) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Times (T,) and values (T, S) as rows are judged: zeros filled, counters differenced, gauges on their link.

    Roll-ups are NaN.
    """
    lattice = core.adapt(state).lattice
    gauges = np.flatnonzero((state.rows.kind > COUNT) & lattice.leaf)
    counters = np.flatnonzero([m.kind == "counter" for m in core.schema.metrics])
    zeros = [m for m, metric in enumerate(core.schema.metrics) if metric.missing == "zero"]
    last = np.full((1, lattice.size), np.nan)  # of counters
    for piece in past.read():
        y = np.full((len(piece.t_ms), lattice.size), np.nan)
        y[:, piece.rows] = piece.y
        for m in zeros:
            mine = np.flatnonzero(lattice.leaf & (lattice.metric == m))
            y[:, mine] = np.where(np.isnan(y[:, mine]) & piece.delivered[:, [m]], 0.0, y[:, mine])
        if len(counters):
            mine = np.flatnonzero(lattice.leaf & np.isin(lattice.metric, counters))
            raw = y[:, mine]
            step_up = np.diff(raw, axis=0, prepend=last[:, mine])
            last[:, mine] = raw[-1:]
            y[:, mine] = np.where(step_up < 0, raw, step_up)
        if len(gauges):
            for i in range(len(y)):
                y[i] = link(state.rows, y[i], gauges)
        yield piece.t_ms, y


def _decide(core: Core, state: State, past: Past) -> None:
    """Kinds of all rows from the whole history: integers ≥ 0 are counts, positive values a log gauge, others real."""
    lattice = core.adapt(state).lattice
    size = lattice.size
    is_odd, is_negative = np.zeros(size, bool), np.zeros(size, bool)
    for piece in past.read():
        with np.errstate(invalid="ignore"):
            is_negative[piece.rows] |= (piece.y < 0).any(axis=0)
            is_odd[piece.rows] |= ((piece.y != np.floor(piece.y)) & np.isfinite(piece.y)).any(axis=0)
    sampled: NDArray[np.float64] | None = None
    for m, metric in enumerate(core.schema.metrics):
        leaves = np.flatnonzero(lattice.leaf & (lattice.metric == m))
        if not len(leaves):
            continue
        negative, odd = bool(is_negative[leaves].any()), bool(is_odd[leaves].any())
        kind = COUNT
        if metric.kind in ("gauge", "ratio") or (metric.kind == "auto" and (negative or odd)):
            kind = REAL_GAUGE if negative else LOG_GAUGE
        of_metric = np.flatnonzero(lattice.metric == m)
        state.rows.kind[of_metric] = kind
        if kind == COUNT:
            continue
        if sampled is None:
            sampled = _sampled(past, size)
        values = np.abs(sampled[:, leaves])
        if not np.isfinite(values).any():
            continue
        typical = float(np.nanmedian(values)) or 1.0
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a leaf without values has no size of its own
            own = np.nanmedian(values, axis=0)
        own = np.where(np.isfinite(own) & (own > 0), own, typical)
        state.rows.offset[of_metric] = 0.01 * float(np.median(own))
        state.rows.unit[of_metric] = float(np.median(own))
        state.rows.offset[leaves] = 0.01 * own
        if kind == REAL_GAUGE:  # rows on a log scale share one unit
            state.rows.unit[leaves] = own


def _sampled(past: Past, size: int) -> NDArray[np.float64]:
    """(T', S) values at evenly spaced ticks."""
    out = []
    for piece in past.sample(SAMPLED):
        y = np.full((len(piece.t_ms), size), np.nan)
        y[:, piece.rows] = piece.y
        out.append(y)
    return np.concatenate(out)


def _roll_up(core: Core, state: State, sums: BucketSums, ticks: NDArray[np.float32]) -> None:
    """Roll-up columns of the sums, from the leaves': sums (means for gauges).

    A missing leaf enters at its mean of that slot; one that was never seen in it moves like the others of the roll-up.
    `ticks` (W, P): ticks that each bucket has had. A roll-up with more than half of its volume missing stays empty.
    """
    lattice = core.adapt(state).lattice
    if not lattice.rollups:
        return
    leaf, gauge = lattice.leaf, state.rows.kind > COUNT
    n = sums.count.sum(axis=(0, 1))
    mean = sums.total.sum(axis=(0, 1)) / np.maximum(n, 1)
    size = np.where(leaf, np.where(gauge, 1.0, mean), 0.0)
    whole = lattice.sum_up(size.copy())
    of_slot, seen = sums.total.sum(axis=0), sums.count.sum(axis=0)  # (P, S)
    of_slot /= np.maximum(seen, 1)
    for week, slot in np.argwhere(ticks > 0):
        total, count = sums.total[week, slot], sums.count[week, slot]
        missing = ticks[week, slot] - count
        filled = lattice.sum_up(np.where(leaf, total + of_slot[slot] * missing, 0.0))
        known = lattice.sum_up(np.where(seen[slot] > 0, size, 0.0))
        unknown = lattice.sum_up(np.where(leaf, size * missing / ticks[week, slot], 0.0))
        filled *= np.where(gauge, 1.0, whole) / np.where(known > 0, known, 1.0)
        there = ~leaf & (unknown <= 0.5 * whole)
        total[~leaf] = np.where(there, filled, 0.0)[~leaf]
        count[~leaf] = np.where(there, ticks[week, slot], 0)[~leaf]
