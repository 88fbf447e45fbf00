"""The stack rule: likelihood ratio of witnesses equal to its naive twin; bounded, and fair to silence."""

from __future__ import annotations

import pytest

from suppression.suppressors.stack import log_likelihood_ratio, student3
from tests import naive


@pytest.mark.parametrize("z", [-12.0, -3.0, -0.5, 0.0, 0.7, 2.0, 5.0, 15.0, 60.0])
@pytest.mark.parametrize("moved", [0.0, 0.5, 3.0, 10.0, 40.0])
def test_the_likelihood_ratio_equals_its_naive_twin(z: float, moved: float) -> None:
    """Five elasticities against Student's t with three degrees of freedom, in [-1.5, 4]."""
    assert pytest.approx(naive.witness_ratio(z, moved), abs=1e-9) == log_likelihood_ratio(z, moved)
    assert -1.5 <= log_likelihood_ratio(z, moved) <= 4


def test_a_witness_that_moved_with_us_speaks_for_an_outside_cause() -> None:
    """A calm one against it, one that moved the other way too."""
    assert log_likelihood_ratio(5, 8) > 2
    assert log_likelihood_ratio(0, 8) < -1
    assert log_likelihood_ratio(-5, 8) < -1


def test_a_witness_too_noisy_to_tell_says_little() -> None:
    """Where our movement would hardly show in it, the ratio stays far from both verdicts."""
    assert abs(log_likelihood_ratio(0.2, 0.3)) < 0.5


def test_student_density_integrates_to_one() -> None:
    """Trapezoids over ±200."""
    step = 0.05
    total = sum(student3(-200 + step * k) * step for k in range(8001))

    assert pytest.approx(1, abs=1e-3) == total
