"""Worst hours, recent peaks, entities, the law of openings: equal to their naive twins on random scores with gaps."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detector.timing import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS
from ensemble.entity import Entity
from ensemble.known_range import KnownRange
from ensemble.opening_law import OpeningLaw
from ensemble.recent_peak import RecentPeak
from ensemble.worst_hours import WorstHours
from tests import naive_lone
from tests.grids import maybe

START_MS = 1_767_571_200_000


def scores(seed: int, ticks: int, rows: int = 6) -> np.ndarray:
    """(T, S) heavy-tailed, rows of different size, gaps, one row without an opinion."""
    rng = np.random.default_rng(seed)
    z = (rng.standard_t(2, (ticks, rows)) * rng.uniform(0.3, 4, rows)).astype(np.float32)
    z[rng.random(z.shape) < 0.1] = np.nan
    z[:, -1] = np.nan
    return z


@pytest.mark.parametrize("interval_ms", [MINUTE_MS, 20 * MINUTE_MS, HOUR_MS])
@pytest.mark.parametrize("seed", range(2))
def test_the_unit_of_worst_hours_equals_its_naive_twin(interval_ms: int, seed: int) -> None:
    """Peaks of blocks on the clock, decayed histograms, a quantile that leans on all rows; s = |z| in that unit."""
    hours = WorstHours(interval_ms)
    z = scores(seed, 40 * hours.block + 3)
    state = hours.init(z.shape[1])
    t_ms = (START_MS + np.arange(len(z)) * interval_ms).tolist()
    hours.warm(state, np.array(t_ms), z)
    hists = [
        naive_lone.peak_histogram(
            naive_lone.block_peaks(t_ms, [maybe(v) for v in z[:, row]], interval_ms, hours.block), hours.half_life
        )
        for row in range(z.shape[1])
    ]
    units = naive_lone.worst_hour_units(hists, hours.block, max(5, 180 / hours.block))

    assert pytest.approx(np.array(hists).T, abs=1e-3) == state.hist
    assert pytest.approx(units, abs=1e-4) == state.log_unit.tolist()
    expected = [abs(v) / math.exp(u) for v, u in zip(z[-1].tolist(), units, strict=True)]
    assert pytest.approx(expected, rel=1e-3, nan_ok=True) == hours.score(state, z[-1]).tolist()


def test_a_row_of_which_nothing_was_seen_has_the_gaussian_unit() -> None:
    """The .9 quantile of the largest of sixty Gaussians, in mean absolute values."""
    hours = WorstHours(MINUTE_MS)

    assert pytest.approx(naive_lone.gaussian_unit(60), rel=1e-6) == float(hours.init(1).log_unit[0])


@pytest.mark.parametrize("interval_ms", [MINUTE_MS, 5 * MINUTE_MS, HOUR_MS])
def test_the_memory_of_recent_peaks_equals_its_naive_twin(interval_ms: int) -> None:
    """What is older than an hour, three ticks at least, decayed; scores of half an hour ago damp nothing."""
    peak = RecentPeak.of(interval_ms)
    s = np.abs(scores(4, 150)) * 8
    state = peak.init(s.shape[1])
    found = []
    for t, row in enumerate(s):
        found.append(peak.score(state, row))
        peak.advance(state, START_MS + t * interval_ms, row, 0.4)
    keep = 0.5 ** (interval_ms / naive_lone.peak_half_life(interval_ms, 0.4))

    for row in range(s.shape[1]):
        expected = naive_lone.damped([maybe(v) for v in s[:, row]], peak.share, keep, max(3, HOUR_MS // interval_ms))
        actual = [maybe(float(f[row])) for f in found]
        assert [value is None for value in expected] == [value is None for value in actual]
        assert pytest.approx([v for v in expected if v is not None], rel=1e-4) == [v for v in actual if v is not None]


@pytest.mark.parametrize(("interval_ms", "loud"), [(4 * MINUTE_MS, 1.3), (20 * MINUTE_MS, 1.0)])
def test_the_known_range_equals_its_naive_twin(interval_ms: int, loud: float) -> None:
    """Ends of what is older than an hour, shrunk day by day; roots within the range, whole shares beyond it."""
    kernel = KnownRange.of(interval_ms)
    z = scores(6, 900)
    x = (scores(7, 900) / 3 + 5).astype(np.float32)
    state = kernel.init(x.shape[1])
    kernel.start(state, x[(~np.isnan(x)).argmax(axis=0), np.arange(x.shape[1])])
    found = []
    for t, (value, side) in enumerate(zip(x, z, strict=True)):
        found.append(kernel.score(state, value, side))
        kernel.advance(state, DAY_MS * 20_000 + t * interval_ms, value)

    checked = 0
    for row in range(x.shape[1]):
        expected = naive_lone.known_loudness(
            [maybe(v) for v in x[:, row]], [maybe(v) for v in z[:, row]], HOUR_MS // interval_ms, DAY_MS // interval_ms,
            8, loud,
        )  # fmt: skip
        pairs = [(e, float(f[row])) for e, f in zip(expected, found, strict=True) if e is not None]
        checked += len(pairs)
        assert pytest.approx([e for e, _ in pairs], rel=1e-3) == [f for _, f in pairs]
    assert checked > 3000


def test_the_shares_of_an_entity_equal_their_naive_twin() -> None:
    """Capped scores by their sum; nobody's where nobody spoke."""
    s = np.abs(scores(5, 19, 8)) * 3
    found = Entity().shares(s)

    for e in range(s.shape[1]):
        expected = naive_lone.voiced_share([maybe(v) for v in s[:, e]], Entity().cap)
        assert (
            bool(np.isnan(found[:, e]).all()) if expected is None else pytest.approx(expected, rel=1e-5) == found[:, e]
        )


@pytest.mark.parametrize(("interval_ms", "close"), [(MINUTE_MS, 5), (HOUR_MS, 1)])
@pytest.mark.parametrize("seed", range(3))
def test_the_law_of_openings_equals_its_naive_twin(interval_ms: int, close: int, seed: int) -> None:
    """Openings of all rows at two levels, the series-weeks in which rows had an opinion, rate, exponent, threshold."""
    law = OpeningLaw(interval_ms, block=max(6, HOUR_MS // interval_ms), close_ticks=close)
    s = np.abs(scores(seed, 500)) / 4
    state = law.init(s.shape[1])
    for t, row in enumerate(s):
        law.learn(state, START_MS + t * interval_ms, row, np.ones(len(row), bool))
    opened = tuple(
        float(sum(naive_lone.opened_above([maybe(v) for v in s[:, r]], level, close) for r in range(s.shape[1])))
        for level in (np.float32(0.8), np.float32(1.2))
    )
    weeks = int(np.isfinite(s).sum()) * interval_ms / WEEK_MS
    rate, exponent = naive_lone.opening_law(opened, weeks, law.prior_rate, law.prior_exponent, law.prior_openings)  # type: ignore[arg-type]

    assert opened == tuple(state.opened.sum(axis=1).tolist())
    assert pytest.approx(weeks) == float(state.watched.sum())
    assert pytest.approx((rate, exponent)) == law.law(state)
    assert pytest.approx(max(1.05, 0.8 * (rate / 0.2) ** (1 / exponent))) == law.threshold(state, 0.2)


def test_the_surprise_of_an_opening_equals_its_formula() -> None:
    """Small s is no surprise at all, enormous ones are capped."""
    law = OpeningLaw(MINUTE_MS, block=60)
    s = np.array([0.01, 0.3, 1.0, 2.7, 40.0, 1e6], np.float32)
    expected = [naive_lone.opening_surprise(v) for v in s.tolist()]

    assert pytest.approx(expected, rel=1e-5) == law.surprise(s).tolist()
