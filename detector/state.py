"""State is named tuples of arrays, series on the last axis: how they grow, fork, split into chunks and are saved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

import numpy as np

S = TypeVar("S", bound=NamedTuple)
CHUNK = 16_384  # rows worked on at a time: scratch of a chunk stays in the second-level cache


def grow(state: S, size: int, init: Callable[[int], S]) -> S:
    """The state with `size` rows; new rows are as `init` makes them.

    Capacity doubles, so that series that arrive one by one cost a copy each time their number doubles only. Arrays
    whose last axis is not the old number of rows (scalars, tables of classes) are kept as they are.
    """
    fresh: S | None = None
    out = []
    for name in state._fields:
        old = getattr(state, name)
        base = old if old.base is None else old.base
        fresh = fresh or init(0)
        if getattr(fresh, name).ndim == 0 or getattr(fresh, name).shape[-1] != 0:
            out.append(old)  # not per row
            continue
        n = old.shape[-1]
        if base.shape[-1] < size or base.ndim != old.ndim:
            capacity = max(size, 2 * n) if n else size
            base = np.array(getattr(init(capacity), name), order="C")
            base[..., :n] = old
        out.append(base[..., :size])
    return _like(state, out)


def part(state: S, low: int, high: int, size: int) -> S:
    """The rows [low, high) of a state of `size` rows, as views; what is not per row stays whole."""
    return _like(state, [a[..., low:high] if a.ndim and a.shape[-1] == size else a for a in state])


def chunks(size: int, step: int = CHUNK) -> Iterator[tuple[int, int]]:
    for low in range(0, size, step):
        yield low, min(low + step, size)


def fork(state: S) -> S:
    """A copy that shares nothing: for audit, what-if and tests."""
    return _like(state, [np.array(a) for a in state])


def arrays_of(state: NamedTuple, prefix: str) -> dict[str, np.ndarray[Any, Any]]:
    """Named arrays of a state, for a snapshot."""
    return {f"{prefix}.{name}": getattr(state, name) for name in state._fields}


def state_from(kind: type[S], arrays: dict[str, np.ndarray[Any, Any]], prefix: str) -> S:
    """The state that `arrays_of` named; owns its arrays."""
    fields: tuple[str, ...] = kind._fields
    return kind._make(np.array(arrays[f"{prefix}.{name}"]) for name in fields)


def _like(state: S, arrays: Iterable[np.ndarray[Any, Any]]) -> S:
    return type(state)._make(arrays)
