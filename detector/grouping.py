"""Rows that are summed into groups: by their shape where they are a complete product, else by a code for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from detector.frame import Floats, Ints

WORTH_A_SHAPE = 16  # numbers in one stretch of memory from which sums along an axis beat `bincount`
Kept = Literal["sides", "middle"]
Shape = tuple[int, int, int]  # outer, r, inner


@dataclass(frozen=True, slots=True)
class Grouping:
    """`sum` of n values into m groups, `subtract` of m values from n rows, `positions` of the members of groups.

    A product that arrived whole needs no code a row: read as (outer, r, inner), a group is either a pair (outer,
    inner), summed over the middle (`kept` = "sides"), or a middle, summed over both sides ("middle"). Anything else
    keeps its code. Sums of the two ways differ by rounding. Own: sums along an axis need no code in memory.
    """

    size: int  # n
    groups: int  # m
    shape: Shape | None
    kept: Kept
    codes: NDArray[np.int64] | None  # (n,) group of each row; None where the shape says it

    @classmethod
    def of(cls, code: Ints, groups: int) -> Grouping:
        """The grouping of a code (n,) in 0..m-1; looks for a shape."""
        for kept, shape in (("sides", _sides_shape(code)), ("middle", _middle_shape(code, groups))):
            if shape is not None and np.array_equal(_code_of(shape, kept), code):  # type: ignore[arg-type]
                return cls(len(code), groups, shape, kept, None)  # type: ignore[arg-type]
        return cls(len(code), groups, None, "sides", code.astype(np.int64))

    @property
    def code(self) -> NDArray[np.int64]:
        """(n,) group of each row."""
        if self.codes is not None:
            return self.codes
        assert self.shape is not None
        return _code_of(self.shape, self.kept)

    @property
    def counts(self) -> NDArray[np.int64]:
        """(m,) rows in each group."""
        if self.shape is None:
            return np.bincount(self.codes, minlength=self.groups)  # type: ignore[arg-type]
        return np.full(self.groups, self.size // max(self.groups, 1))

    def sum(self, values: Floats, within: DTypeLike = np.float64) -> Floats:
        """(m,) sums of (n,) values; `within`: what they are summed in where there is a shape."""
        whole = np.asarray(values, within).reshape(self.shape or self.size)
        out: Floats
        if self.shape is None:
            out = np.bincount(self.codes, whole, self.groups)  # type: ignore[arg-type, assignment]
        elif self.kept == "middle":
            out = np.add.reduce(whole, axis=(0, 2))
        elif self.shape[2] >= WORTH_A_SHAPE or (self.shape[2] == 1 and self.shape[1] >= WORTH_A_SHAPE):
            out = np.add.reduce(whole, axis=1)
        else:
            out = whole[:, 0].copy()
            for i in range(1, self.shape[1]):
                out += whole[:, i]
        return out.reshape(-1)

    def _sides(self) -> Shape | None:
        """The shape, if groups are its sides and it is worth one."""
        if self.shape is None or self.kept != "sides":
            return None
        _, r, inner = self.shape
        return self.shape if inner >= WORTH_A_SHAPE or (inner == 1 and r >= WORTH_A_SHAPE) else None

    def subtract(self, values: Floats, per_group: Floats) -> None:
        """Takes the value of each row's group from (n,) values, in place."""
        if self.shape is None:
            values -= np.take(per_group, self.codes)  # type: ignore[arg-type]
            return
        outer, _, inner = self.shape
        whole = values.reshape(self.shape)
        whole -= per_group[None, :, None] if self.kept == "middle" else per_group.reshape(outer, 1, inner)

    def group_of(self, positions: Ints) -> Ints:
        """Groups of some of the n rows."""
        if self.shape is None:
            return self.codes[positions]  # type: ignore[index]
        _, r, inner = self.shape
        if self.kept == "middle":
            return positions // inner % r
        return positions // (r * inner) * inner + positions % inner

    def positions(self, groups: Ints) -> Ints:
        """Members of some groups, in no order."""
        if self.shape is None:
            chosen = np.zeros(self.groups, bool)
            chosen[groups] = True
            return np.flatnonzero(chosen[self.codes])
        outer, r, inner = self.shape
        if self.kept == "middle":
            block = np.arange(outer)[:, None] * (r * inner) + np.arange(inner)
            return (groups[:, None, None] * inner + block).reshape(-1)
        first = groups // inner * (r * inner) + groups % inner
        return (first[:, None] + np.arange(r) * inner).reshape(-1)


@dataclass(frozen=True, slots=True)
class Siblings:
    """How rows fall into groups of siblings: large levels that are products by their shape, all others by a code."""

    blocks: tuple[tuple[slice, Shape], ...]  # rows; the middle of (outer, r, inner) are the siblings
    rest: slice | Ints  # (n,) rows in no block
    code: NDArray[np.int64]  # (n,) group of each of them, 0 = none
    counts: NDArray[np.int64]  # (groups,) rows in each group; group 0 counts 0

    @classmethod
    def of(cls, code: Ints, levels: Ints, least: int) -> Siblings:
        """Of a code (S,), 0 = no group, and the level (S,) of each row; a block has at least `least` rows."""
        size = np.bincount(levels, minlength=1)
        inside = np.zeros(len(code), bool)
        blocks = []
        for level in np.flatnonzero(size >= least).tolist():
            rows = as_slice(np.flatnonzero(levels == level))
            if not isinstance(rows, slice) or not code[rows].all():
                continue
            groups, mine = np.unique(code[rows], return_inverse=True)
            shape = Grouping.of(mine.reshape(-1), len(groups))._sides()
            if shape is not None:
                inside[rows] = True
                blocks.append((rows, shape))
        left = np.flatnonzero(~inside) if blocks else slice(None)
        known, compact = np.unique(code[left], return_inverse=True)
        compact = compact.reshape(-1).astype(np.int64)
        if len(known) and known[0] != 0:
            compact += 1
        counts = np.bincount(compact, minlength=1)
        counts[0] = 0
        return cls(tuple(blocks), left, compact, counts)


def as_slice(rows: Ints) -> slice | Ints:
    """Neighbouring rows as a slice, whose values are no copy; others as they are."""
    if len(rows) and int(rows[-1]) - int(rows[0]) == len(rows) - 1 and bool((np.diff(rows) == 1).all()):
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows


def _code_of(shape: Shape, kept: Kept) -> NDArray[np.int64]:
    outer, r, inner = shape
    if kept == "middle":
        part = np.arange(r)[None, :, None]
    else:
        part = np.arange(outer * inner).reshape(outer, 1, inner)
    return np.broadcast_to(part, shape).reshape(-1)


def _sides_shape(code: Ints) -> Shape | None:
    """The only (outer, r, inner) that could hold, if the group is (outer, inner)."""
    n = len(code)
    if not n:
        return None
    odd = np.flatnonzero(code != np.arange(n))
    inner = int(odd[0]) if len(odd) else n
    if inner == 0:
        return None
    later = np.flatnonzero(code == inner)
    block = int(later[0]) if len(later) else n
    return (n // block, block // inner, inner) if n % block == 0 and block % inner == 0 else None


def _middle_shape(code: Ints, groups: int) -> Shape | None:
    """The only (outer, m, inner) that could hold, if the group is the middle."""
    n = len(code)
    if not n or groups < 1:
        return None
    odd = np.flatnonzero(code != code[0])
    inner = int(odd[0]) if len(odd) else n
    return (n // (groups * inner), groups, inner) if n % (groups * inner) == 0 else None
