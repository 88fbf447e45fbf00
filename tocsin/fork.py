"""A copy of an engine's state that shares nothing: for audit, what-if and tests. The live engine never forks."""

from __future__ import annotations

from copy import deepcopy

from tocsin.core import State


def fork(state: State) -> State:
    """The same memory once more; stepping either leaves the other as it was. Copies every array and the index."""
    return deepcopy(state)
