"""Which numbers a body states: those of now while it lasts, those of the worst tick once it is over."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from suppression.body import at_worst, deviation
from suppression.candidate import Candidate
from suppression.reasons import State


def measured(observed: float | None, surprise: float) -> dict[str, Any]:
    return {
        "observed": observed, "expected": 100.0, "lower": 90.0, "upper": 110.0,
        "scorers": [{"name": "forecast_residual", "surprise": surprise}],
        "votes": {"for": int(abs(surprise) >= 2), "against": int(abs(surprise) < 1), "abstain": 0},
    }  # fmt: skip


def now(observed: float | None) -> dict[str, Any]:
    out = {**measured(observed, -0.2), "surprise": -9.0}
    out["votes"]["effective"] = 1.5
    return out


def down(raws: list[float], state: State = "firing") -> Candidate:
    """A candidate that has followed these log deviations of its row."""
    candidate = Candidate("id", 4, 4, -1, 0, 0, state=state)
    for raw in raws:
        candidate.raw = raw
        if candidate.is_at_worst():
            candidate.remember(measured(round(100 * math.exp(raw), 3), 9 * raw))
    return candidate


def test_a_resolved_alarm_states_its_worst_tick() -> None:
    """Values, scorers and votes of the deepest point; what the alarm came to as a whole stays."""
    out = at_worst(down([-0.3, -1.5, -0.1, 0.4], "resolved"), now(99.0))

    assert pytest.approx(22.313) == out["observed"]
    assert -13.5 == out["scorers"][0]["surprise"]
    assert {"for": 1, "against": 0, "abstain": 0, "effective": 1.5} == out["votes"]
    assert -9.0 == out["surprise"]


@pytest.mark.parametrize("state", ["firing", "held"])
def test_an_alarm_that_lasts_states_what_is(state: State) -> None:
    """The tick of the revision, however calm."""
    assert now(99.0) == at_worst(down([-0.3, -1.5], state), now(99.0))


def test_without_a_sample_the_worst_tick_is_what_is_known() -> None:
    """Acknowledged in a gap: not a fall by everything."""
    assert pytest.approx(22.313) == at_worst(down([-1.5]), now(None))["observed"]
    assert now(None) == at_worst(down([]), now(None))


def test_a_wider_cuboid_begins_its_own_worst_tick() -> None:
    """Numbers of the cell it began in would not be those of the cuboid that the alarm names."""
    candidate = down([-2.0])
    candidate.present, candidate.raw = 9, -0.5

    assert candidate.is_at_worst()
    candidate.remember(measured(60.0, -5.0))
    candidate.raw = -0.4
    assert not candidate.is_at_worst()


def test_the_worst_tick_survives_a_snapshot() -> None:
    """A candidate is JSON and back."""
    candidate = down([-0.3, -1.5])

    assert candidate == Candidate.from_json(json.loads(json.dumps(candidate.to_json())))


def test_a_deviation_keeps_its_side_whatever_is_expected() -> None:
    """Less negative is above; relative to nothing, or without a sample, there is none."""
    assert [-0.75, 0.5] == [deviation(25.0, 100.0), deviation(-5.0, -10.0)]
    assert all(math.isnan(deviation(*values)) for values in ((5.0, 0.0), (None, 3.0), (5.0, None)))
