"""Rows find their ticks without ever looking ahead."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.quality.align import Rows, infer_step_ms, place

TIMES = st.lists(st.integers(min_value=0, max_value=40_000), min_size=1, max_size=60)


def rows(times: list[int]) -> Rows:
    t_ms = np.array(times, np.int64)
    return Rows(
        "a", t_ms, np.arange(len(t_ms), dtype=np.int32), np.arange(len(t_ms), dtype=float)[:, None], ({},), 1000
    )


def test_a_crowded_row_moves_to_the_next_tick() -> None:
    """Jitter keeps every sample: 0, 1.4 s and 1.6 s on a grid of seconds are three ticks."""
    placed = place(rows([0, 1000, 1400, 2600]))

    assert [0, 1, 2, 3] == placed.ticks.tolist()
    assert 0 == placed.dropped


def test_rows_denser_than_the_step_are_dropped_and_counted() -> None:
    """Five rows in a second are two ticks at most: its own and the next."""
    placed = place(rows([0, 100, 200, 300, 400, 5000]))

    assert [0, 1, 5] == placed.ticks.tolist()
    assert [0.0, 1.0, 5.0] == placed.rows.values[:, 0].tolist()
    assert 3 == placed.dropped


@given(TIMES)
def test_ticks_rise_strictly_and_lie_near_their_rows(times: list[int]) -> None:
    """One row a tick, at most a tick and a half away."""
    placed = place(rows(times))

    assert (np.diff(placed.ticks) > 0).all()
    assert (np.abs(placed.ticks * 1000 + placed.phase_ms - placed.rows.t_ms) <= 1500).all()
    assert len(set(times)) == len(placed.ticks) + placed.dropped


@given(TIMES, st.integers(min_value=1, max_value=60))
def test_later_rows_do_not_move_earlier_ones(times: list[int], cut: int) -> None:
    """The ticks of a prefix in time are a prefix of the ticks."""
    ordered = sorted(set(times))
    whole = place(rows(ordered)).ticks.tolist()
    prefix = place(rows(ordered[:cut])).ticks.tolist()

    assert prefix == whole[: len(prefix)]


def test_the_step_is_the_commonest_distance() -> None:
    """Gaps do not lengthen it; of equally common ones the smaller."""
    assert 60 == infer_step_ms(np.array([0, 60, 120, 600, 660, 1800]))
    assert 60 == infer_step_ms(np.array([0, 60, 180]))
    assert 60_000 == infer_step_ms(np.array([5]))
