"""Row 10 of the speed bars: calls of a tick grow with chunks of rows, never with rows."""

from __future__ import annotations

from benchmarks.speed.calls import Counted, calls_of_step, count_calls


def test_calls_of_python_and_c_are_counted() -> None:
    """`abs` and `len` are two more than nothing."""

    def run() -> int:
        return abs(len("ab"))

    assert 2 == count_calls(run) - count_calls(lambda: None)


def test_a_tick_makes_as_many_calls_for_ten_thousand_rows_as_for_one_thousand() -> None:
    """Both are one chunk: there is no loop over rows."""
    few, some = calls_of_step(1000), calls_of_step(10_000)

    assert (1, 1) == (few.chunks, some.chunks)
    assert few.calls == some.calls


def test_a_chunk_of_many_costs_no_more_calls_than_a_single_one() -> None:
    """10^5 rows against 10^3, an event being on, learning included."""
    few, many = calls_of_step(1000), calls_of_step(100_000)

    assert 6 < many.chunks
    assert many.calls <= few.calls * many.chunks


def test_chunks_are_counted_upwards() -> None:
    """A remainder is a chunk."""
    assert (1, 2) == (Counted(16_384, 0).chunks, Counted(16_385, 0).chunks)
