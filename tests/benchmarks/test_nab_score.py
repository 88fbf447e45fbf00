"""The score of the Numenta Anomaly Benchmark against cases counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.quality.nab_score import Said, score


def said(opens: list[int], strength: list[float] | None = None) -> Said:
    """100 rows, 15 on probation, one window of ten rows."""
    sure = [1.0] * len(opens) if strength is None else strength
    return Said(100, [(50, 59)], np.array(opens, np.int64), np.array(sure))


def sigmoid(x: float) -> float:
    return 2 / (1 + math.exp(5 * x)) - 1


def test_silence_is_0_and_the_first_row_of_each_window_is_100() -> None:
    """What was said on probation does not count."""
    assert {"standard": 0.0, "low_fp": 0.0, "low_fn": 0.0} == score([said([10])])
    assert {"standard": 100.0, "low_fp": 100.0, "low_fn": 100.0} == pytest.approx(score([said([50])]))


def test_a_late_opening_and_false_ones_are_weighed_by_profile() -> None:
    """Five rows in, one before any window, one a length behind it; of two in a window the earlier counts."""
    hit = sigmoid(-0.5) / sigmoid(-1)
    cost = -1 + sigmoid(9 / 9)
    found = score([said([30, 55, 57, 68])])

    assert 100 * (hit + 0.11 * cost + 1) / 2 == pytest.approx(found["standard"])
    assert 100 * (hit + 0.22 * cost + 1) / 2 == pytest.approx(found["low_fp"])
    assert 100 * (hit + 0.11 * cost + 2) / 3 == pytest.approx(found["low_fn"])


def test_the_threshold_is_the_best_one_for_all_series() -> None:
    """Weak false openings are left out; equal strengths are taken together."""
    surely, weakly = score([said([30, 50], [1.0, 9.0])]), score([said([30, 50], [9.0, 9.0])])

    assert surely["standard"] == pytest.approx(100)
    assert weakly["standard"] == pytest.approx(100 * (1 - 0.11 + 1) / 2)
