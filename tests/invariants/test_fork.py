"""A fork shares nothing with its origin and decides as it would."""

from __future__ import annotations

import numpy as np

from detector.frame import Tick
from detector.state import arrays_of
from detector.timing import HOUR_MS
from suppression.controls import Controls
from tests.streams import GRID, GRID_KEYS, PARAMETERS, START_MS, counts, picture
from tocsin.core import COMPONENTS, Core, State
from tocsin.fork import fork
from tocsin.pipeline import step

Y = counts(ticks=80)


def begun(ticks: int = 60) -> tuple[Core, State]:
    core = Core(GRID, PARAMETERS)
    state = core.init()
    state.index.admit(GRID_KEYS)
    for t in range(ticks):
        state, _ = one(core, state, t)
    return core, state


def one(core: Core, state: State, t: int, factor: float = 1.0):  # type: ignore[no-untyped-def]
    y = np.full(len(state.index), np.nan)
    y[[state.index.rows[k] for k in GRID_KEYS]] = np.floor(Y[t] * factor)
    return step(core, state, Tick(START_MS + t * HOUR_MS, y, np.ones(2, bool)), Controls())


def bits(state: State) -> dict[str, bytes]:
    return {n: a.tobytes() for name in COMPONENTS for n, a in arrays_of(getattr(state, name), name).items()}


def test_stepping_a_fork_leaves_the_origin_as_it_was() -> None:
    """With other values, and with series that only the fork gets to know."""
    core, state = begun()
    before, rows = bits(state), len(state.index)
    copy = fork(state)
    copy.index.admit([("requests", "watch", "eu", "play")])
    for t in range(60, 70):
        copy, _ = one(core, copy, t, 0.1)

    assert before == bits(state)
    assert rows == len(state.index)
    assert rows < len(copy.index)


def test_a_fork_goes_on_as_its_origin_does() -> None:
    """Equal ticks, equal outcomes and equal state, stepped by turns through one core."""
    core, state = begun()
    copy = fork(state)
    for t in range(60, 80):
        state, a = one(core, state, t)
        copy, b = one(core, copy, t)

        assert picture(a) == picture(b)
    assert bits(state) == bits(copy)
