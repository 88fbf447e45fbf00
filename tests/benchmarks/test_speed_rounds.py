"""Rounds are fair: every side in every round, order rotated, and a run on a busy machine counts for nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from benchmarks.speed.rounds import Disagreement, Spread, Table, measure
from benchmarks.speed.separation import area


@dataclass
class FakeCell:
    """Answers with the given nanoseconds and notes when it was asked."""

    name: str
    ns: list[float]
    asked: list[str]
    points: int = 100
    separation: float = 1.0
    _left: list[float] = field(default_factory=list)

    def measure(self) -> dict[str, Any]:
        self.asked.append(self.name)
        self._left = self._left or list(self.ns)
        return {"ns": self._left.pop(0), "figures": {"open": 3.0}}


def fakes(asked: list[str], triad: list[float]) -> dict[str, FakeCell]:
    return {
        "triad": FakeCell("triad", triad, asked),
        "ours": FakeCell("ours", [10.0, 20.0, 40.0], asked),
        "theirs": FakeCell("theirs", [100.0, 100.0, 800.0], asked),
    }


def test_every_side_is_in_every_round_and_begins_in_turn() -> None:
    """Three cells, three rounds: each is first once."""
    asked: list[str] = []

    measure(fakes(asked, [1.0, 1.0, 1.0]), 3, {}, lambda text: None)

    assert ["triad", "ours", "theirs", "ours", "theirs", "triad", "theirs", "triad", "ours"] == asked


def test_a_ratio_is_taken_round_by_round() -> None:
    """10, 5 and 20 have the median 10; the ratio of the medians would be 5."""
    table = measure(fakes([], [1.0, 1.0, 1.0]), 3, {}, lambda text: None)

    assert Spread(10.0, 5.0, 20.0) == table.ratio("theirs", "ours")
    assert Spread(20.0, 10.0, 40.0) == table.in_triads("ours")


def test_a_run_is_void_if_the_triad_moves_by_more_than_a_fifth() -> None:
    """1.2 is still accepted, 1.21 is not."""
    steady = Table({}, [1.0, 1.2, 1.1], {}, {})
    moved = Table({}, [1.0, 1.21, 1.1], {}, {})

    assert (False, True) == (steady.is_void, moved.is_void)


def test_a_side_that_sees_nothing_is_not_timed() -> None:
    """Speed of a side that does not tell the known deviations from the rest says nothing."""
    asked: list[str] = []
    cells = fakes(asked, [1.0])
    cells["theirs"].separation = 0.6

    with pytest.raises(Disagreement, match=r"theirs: expected at least 0\.95, got 0\.600"):
        measure(cells, 1, {}, lambda text: None)
    assert [] == asked


def test_area_is_the_chance_that_a_deviating_series_scores_higher() -> None:
    """Of 2 × 2 pairs three are won and one is a tie."""
    scores = np.array([1.0, 2.0, 2.0, 3.0])
    deviating = np.array([False, False, True, True])

    assert 0.875 == area(scores, deviating)
