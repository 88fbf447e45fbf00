"""The sides of the comparisons answer alike, and the profile sees what the step does."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.speed.core_cell import CoreCell, core_index
from benchmarks.speed.flat import Flat
from benchmarks.speed.memory import touch
from benchmarks.speed.model_cells import ModelCell
from benchmarks.speed.river_cell import RiverCell
from benchmarks.speed.river_step_cell import LAM, RiverStepCell, Row
from benchmarks.speed.stopwatch import Stopwatch
from benchmarks.speed.triad import triad_ns
from detector.scorers.derivative import Derivative
from detector.scorers.forecast_residual import ForecastResidual
from tests.grids import MINUTES, view_of


def test_both_sides_tell_the_same_known_deviations_from_the_rest() -> None:
    """A threefold surge of one series in a hundred."""
    ours, theirs = CoreCell(4000), RiverCell(1000)

    assert min(ours.separation(), theirs.separation()) > 0.95
    assert RiverStepCell(2000).separation() > 0.95


def test_rivers_residual_is_ours() -> None:
    """Three horizons of one row without siblings: the largest |z| of ours and of river's statistics, tick by tick."""
    lattice = core_index(1).lattice()
    row, residual, derivative = Row(20.0, []), ForecastResidual(MINUTES), Derivative(MINUTES)
    sums, slope = residual.init(lattice.size), derivative.init(lattice.size)
    slope.sig2[...] = 0.05**2
    weight = 1 / (1 + 0.02 * 20)
    for h, lam in enumerate(LAM):
        sums.Y[h] = sums.M[h] = 20 * weight / (1 - lam)
        sums.Q[h] = 20 * weight**2 / (1 - lam**2)
    for y in (25.0, 0.0, 90.0, 21.0, 20.0, 3.0):
        view = view_of(lattice, np.full(lattice.size, y), np.full(lattice.size, 20.0))
        residual.advance(sums, view)
        z = [*residual.score(sums, view)[:, 0], derivative.score(slope, view)[0, 0]]
        row.first(0, y)

        assert math.isclose(np.abs(z).max(), row.z, rel_tol=1e-3, abs_tol=1e-3)


def test_a_reading_is_nanoseconds_of_one_point() -> None:
    """Time of a tick over the rows of a tick."""
    cell = CoreCell(2000)

    reading = cell.measure()

    assert math.isclose(reading.ns * cell.points / 1e6, reading.figures["tick_ms"])


def test_peers_of_other_kinds_see_a_surge_too() -> None:
    """SNARIMAX here; the others are asked in the same way before they are timed."""
    assert ModelCell("snarimax", 10, 1).separation() > 0.95


def test_every_side_sees_the_same_counts() -> None:
    """The counts are a function of the number of series and of the tick."""
    np.testing.assert_array_equal(Flat(50).next(), Flat(50).next())


def test_touching_changes_nothing_and_counts_bytes() -> None:
    """Promised pages become real ones with the values that they had."""
    array = np.array([1.0, np.nan, -0.0], np.float32)

    assert 12 == touch([array])
    np.testing.assert_array_equal(np.array([1.0, np.nan, -0.0], np.float32), array)


def test_the_triad_takes_time() -> None:
    """Also for a number of elements that is no whole number of blocks."""
    assert triad_ns(1000, passes=1) > 0


def test_the_stopwatch_nests_and_puts_back_what_it_replaced() -> None:
    """Calls are counted by path, and the class is as it was afterwards."""

    class Part:
        def inner(self) -> int:
            return 1

        def outer(self) -> int:
            return self.inner() + self.inner()

    before = Part.inner
    watch = Stopwatch()
    watch.watch_class(Part)
    Part().outer()
    watch.restore()

    outer = watch.root.below["Part.outer"]
    assert (1, 2) == (outer.calls, outer.below["Part.inner"].calls)
    assert before is Part.inner
