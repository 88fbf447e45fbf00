"""Calibration: surprise, histograms, tails and ranks, each equal to its naive twin."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ensemble.calibrate import CAP, Calibration, CalibrationState, volume_class
from ensemble.tails import BINS, TAIL_P, bin_of, fit_weibull, tail_quantiles
from tests import naive
from tests.grids import MINUTES, maybe

ROWS, CLASSES, SCORERS = 40, 3, 2


def calibrated(seed: int) -> tuple[Calibration, CalibrationState, np.ndarray]:
    rng = np.random.default_rng(seed)
    calibration = Calibration(MINUTES, SCORERS, CLASSES)
    state = calibration.init(ROWS)
    state.log_a[...] = rng.uniform(-1, 0.5, state.log_a.shape)
    state.b[...] = rng.uniform(0.9, 2.2, state.b.shape)
    state.scale[...] = rng.uniform(0.6, 2, state.scale.shape)
    return calibration, state, rng.integers(0, CLASSES, ROWS)


@pytest.mark.parametrize("seed", range(3))
def test_surprise_equals_its_naive_twin(seed: int) -> None:
    """a (|z|/scale)^b with the sign of z, capped at 15; the scalar form agrees with the vectorised one."""
    calibration, state, classes = calibrated(seed)
    z = np.random.default_rng(seed).standard_t(2, ROWS).astype(np.float32) * 3
    z[0] = np.nan
    z[1] = 1e6
    both = np.stack([z, -z])
    surprises = calibration.surprises(state, both, classes, np.empty_like(both))
    for k in range(SCORERS):
        z, out = both[k], surprises[k]
        for row in range(1, ROWS):
            side = int(z[row] > 0)
            a, b = math.exp(state.log_a[classes[row], k, side]), float(state.b[classes[row], k, side])
            expected = naive.surprise(float(z[row]), float(state.scale[k, row]), a, b)
            assert pytest.approx(expected, rel=1e-4) == out[row]
            found = calibration.surprise_of(state, k, float(z[row]), int(classes[row]), row)
            assert pytest.approx(expected, rel=1e-4) == found
        assert math.isnan(out[0])
        assert pytest.approx(math.copysign(CAP, z[1])) == out[1]


def test_the_bin_of_a_size_is_the_naive_one() -> None:
    """Log-spaced from 0.2 to 60; what is smaller is in the first bin, what is larger in the last."""
    edges = [0.2 * math.exp((k + 0.5) * math.log(300) / BINS) for k in range(BINS)]
    sizes = np.array([0.0, 1e-9, 0.1, *edges, 59.9, 61.0, 1e9])

    assert [naive.histogram_bin(s) for s in sizes.tolist()] == bin_of(sizes.astype(np.float32)).tolist()


@pytest.mark.parametrize("seed", range(3))
def test_histograms_hold_what_was_seen_by_class_and_sign(seed: int) -> None:
    """One learning tick: every finite score in the bin of its row-scaled size, weighted by its rate."""
    calibration, state, classes = calibrated(seed)
    rng = np.random.default_rng(seed)
    z = (3 * rng.standard_normal((SCORERS, ROWS))).astype(np.float32)
    z[:, 3] = np.nan
    rate = rng.choice(np.array([0, 0.1, 1], np.float32), ROWS)
    calibration.learn(state, z, classes, rate)
    kept = MINUTES.keep(calibration.half_life_ms, MINUTES.learn_every)
    expected = np.zeros((CLASSES, SCORERS, 2, BINS))
    for k in range(SCORERS):
        for row in range(ROWS):
            if not math.isnan(z[k, row]):
                size = abs(float(z[k, row])) / float(state.scale[k, row])
                expected[classes[row], k, int(z[k, row] > 0), naive.histogram_bin(size)] += float(rate[row])

    if rate[rate > 0].size:
        expected[classes[0], :, 0, 0] += 0  # rows of rate 0 weigh nothing
    assert pytest.approx(expected * kept, abs=1e-4) == state.hist
    assert pytest.approx(expected.sum(axis=(2, 3)) * kept, abs=1e-3) == state.total


@pytest.mark.parametrize("seed", range(4))
def test_tail_quantiles_and_fit_equal_their_naive_twins(seed: int) -> None:
    """Sizes exceeded with .1 to .005, and the Weibull through them; classes that saw too little say nothing."""
    rng = np.random.default_rng(seed)
    size = rng.weibull(1.3, 5000) * 2
    hist = np.bincount(bin_of(size), minlength=BINS).astype(float)
    hist = np.stack([hist, hist / 100, np.zeros(BINS)])
    total = np.array([5000.0, 50.0, 0.0]) * 2
    found = tail_quantiles(hist, total)
    expected = [
        [naive.exceeded_with(hist[c].tolist(), max(total[c], 1e-9), p) for p in TAIL_P.tolist()] for c in range(3)
    ]
    a, b = fit_weibull(found)

    for c in range(3):
        for k in range(len(TAIL_P)):
            if expected[c][k] is None:
                assert math.isnan(found[c, k])
            else:
                assert pytest.approx(expected[c][k], abs=1e-9) == found[c, k]
        assert pytest.approx(naive.weibull_tail(expected[c]), rel=1e-9) == (a[c], b[c])


def test_a_class_learns_the_tail_of_its_own_scores() -> None:
    """Scores of twice the size get, once fitted, about the same surprise as plain ones: one threshold, one rate."""
    calibration = Calibration(MINUTES, 1, 2)
    rng = np.random.default_rng(3)
    rows = 2000
    state = calibration.init(rows)
    classes = np.repeat([0, 1], rows // 2)
    factor = np.where(classes == 1, 2.0, 1.0)
    for _ in range(300):
        z = (rng.standard_normal(rows) * factor).astype(np.float32)[None]
        calibration.learn(state, z, classes, np.ones(rows, np.float32))
    calibration.fit(state, classes)
    plain = calibration.surprise_of(state, 0, 3.0, 0, 0)
    doubled = calibration.surprise_of(state, 0, 6.0, 1, rows - 1)

    assert pytest.approx(-math.log10(0.00135), rel=0.25) == plain
    assert pytest.approx(plain, rel=0.15) == doubled


def test_the_worst_hours_of_a_row_equal_their_naive_twin() -> None:
    """Largest |z| of blocks of an hour; gaps are left out, a frozen row hears nothing."""
    calibration = Calibration(MINUTES, SCORERS, CLASSES)
    state = calibration.init(ROWS)
    rng = np.random.default_rng(8)
    z = (rng.standard_normal((400, SCORERS, ROWS)) * rng.uniform(0.5, 3, ROWS)).astype(np.float32)
    z[rng.random(z.shape) < 0.05] = np.nan
    rate = np.ones(ROWS, np.float32)
    rate[-1] = 0
    for scores in z:
        calibration.advance(state, scores, rate)

    for k in range(SCORERS):
        expected = [naive.worst_hours([maybe(x) for x in z[:, k, row]], 60) for row in range(ROWS - 1)]
        assert pytest.approx(expected, rel=1e-4) == state.worst[k, :-1].tolist()
        assert 2.5 == state.worst[k, -1]


def test_fits_come_early_while_young_and_daily_later() -> None:
    """At 16, 32, 64 learning ticks and so on, then once a day."""
    calibration = Calibration(MINUTES, 1, 1)
    state = calibration.init(1)
    fitted = []
    for tick in range(1, 1500):
        state.updates[0] = tick
        if calibration.is_due(state):
            fitted.append(tick)
            state.fitted[0] = tick

    assert [16, 32, 64, 128, 256, 512] == fitted[:6]
    assert {288} == set(np.diff(fitted[6:]).tolist())


def test_the_fused_surprise_is_a_rank_and_never_falls_with_size() -> None:
    """Rank among the class's values; beyond the last half per cent an exponential tail; capped at 15."""
    calibration = Calibration(MINUTES, 1, 1)
    state = calibration.init(1)
    rng = np.random.default_rng(1)
    c = rng.exponential(1, 40_000) * rng.choice([-1, 1], 40_000)
    calibration.learn_fused(state, c, np.zeros(len(c), int), np.ones(len(c), np.float32))
    found = [calibration.fused_surprise(state, x, 0) for x in np.linspace(0.3, 40, 200).tolist()]

    assert sorted(found) == found
    assert pytest.approx(-math.log10(0.5 * math.exp(-2)), abs=0.1) == calibration.fused_surprise(state, 2.0, 0)
    assert pytest.approx(-math.log10(0.5 * math.exp(-9)), abs=0.8) == calibration.fused_surprise(state, 9.0, 0)
    assert pytest.approx(-calibration.fused_surprise(state, 4.0, 0), rel=0.1) == calibration.fused_surprise(
        state, -4.0, 0
    )
    assert CAP == max(found)


def test_volume_classes_are_decades_of_the_mean_count() -> None:
    """Seven buckets with edges at 10^-.5, 1, 10^.5, 10, 10^1.5 and 100."""
    assert [0, 1, 2, 3, 4, 5, 6] == volume_class(np.array([0.1, 0.5, 2.0, 5.0, 20.0, 50.0, 500.0])).tolist()


def test_a_service_without_series_has_nothing_to_fit() -> None:
    """No rows, no mean of their worst hours: the tails stay as they began."""
    calibration = Calibration(MINUTES, SCORERS, CLASSES)
    state = calibration.init(0)
    nobody = np.zeros(0, np.int64)
    for _ in range(16):
        calibration.learn(state, np.zeros((SCORERS, 0), np.float32), nobody, np.zeros(0, np.float32))
    assert calibration.is_due(state)
    calibration.fit(state, nobody)

    assert pytest.approx(calibration.init(0).log_a) == state.log_a
    assert pytest.approx(calibration.init(0).b) == state.b
    assert not calibration.is_due(state)
