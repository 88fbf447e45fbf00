"""The lattice of roll-up rows: which rows a row is the sum of, what lies above and below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detector.frame import Bools, Floats, Ints
from detector.grouping import Grouping, Siblings, as_slice
from detector.state import CHUNK

Level = tuple[int, ...]  # per dimension: 0 value, 1.. its parents, last = all, -1 = the metric has no such dimension
Rows = slice | Ints
LEAVES_KEPT = 4  # times all leaves
PARTS_KEPT = 8
AROUND_KEPT = 4096
SIBLINGS_BY_SHAPE = CHUNK // 2  # rows of a level from which its shape is worth the calls


@dataclass(frozen=True, slots=True)
class RollUp:
    """Sums of one cuboid level from a finer one: `y[target] = grouping.sum(y[source])`."""

    level: int  # code of the level that is filled
    finer: int  # code of the level that is summed
    source: Rows  # (n,) rows of the finer level, ascending
    target: Rows  # (m,) rows of this level, ascending
    grouping: Grouping  # n rows into m

    def above(self, rows: Ints) -> Ints:
        """Rows of this level over rows of the finer one, -1 where there is none."""
        if isinstance(self.source, slice):
            found = (rows >= self.source.start) & (rows < self.source.stop)
            groups = self.grouping.group_of(np.where(found, rows - self.source.start, 0))
        else:
            at = np.minimum(np.searchsorted(self.source, rows), len(self.source) - 1)
            groups = self.grouping.group_of(at)
            found = self.source[at] == rows
        if not found.all():
            return np.where(found, self._row(np.where(found, groups, 0)), -1)
        return self._row(groups)

    def below(self, rows: Ints) -> Ints:
        """Rows of the finer level under rows of this one, in no order."""
        groups = rows - self.target.start if isinstance(self.target, slice) else np.searchsorted(self.target, rows)
        at = self.grouping.positions(groups)
        return at + self.source.start if isinstance(self.source, slice) else self.source[at]

    def _row(self, groups: Ints) -> Ints:
        return groups + self.target.start if isinstance(self.target, slice) else self.target[groups]


@dataclass(frozen=True, slots=True)
class Above:
    """All rows above the n leaves of one row, the leaves themselves among them, and what each leaf adds to."""

    rows: Ints  # (m,) each once, ascending
    leaf: NDArray[np.int32]  # (k,) index of a leaf
    target: NDArray[np.int32]  # (k,) index into `rows` of a row above it

    def sum(self, values: Floats) -> NDArray[np.float64]:
        """(m,) sums of values of the leaves (n,)."""
        out: NDArray[np.float64] = np.bincount(self.target, values[self.leaf], len(self.rows))  # type: ignore[assignment]
        return out


@dataclass(frozen=True, slots=True)
class Part:
    """Some leaves and all rows above them, as a lattice of their own: a sum over them costs no more than they are."""

    rows: Ints  # (m,) rows with at least one of the leaves, the leaves themselves among them, ascending
    leaves: Ints  # (n,) rows of the leaves, ascending
    at: Rows  # (n,) positions of the leaves in `rows`
    rollups: tuple[RollUp, ...]  # sources and targets are positions in `rows`

    def sum_up(self, of_leaves: Floats) -> NDArray[np.float64]:
        """(m,) sums of values of the leaves (n,)."""
        values = np.zeros(len(self.rows))
        values[self.at] = of_leaves
        for rollup in self.rollups:
            values[rollup.target] = rollup.grouping.sum(values[rollup.source])
        return values


@dataclass(slots=True)
class Kept:
    """What was read off a lattice and is asked for again and again; no state, for it follows from the lattice."""

    leaves: dict[int, Ints] = field(default_factory=dict)  # row → its leaves
    above: dict[int, Above] = field(default_factory=dict)  # row → what lies above its leaves
    linked: int = 0  # pairs of leaf and row in `above`
    around: dict[int, Ints] = field(default_factory=dict)  # row → by level, the row that holds all its leaves
    leaf_rows: Rows | None = None
    leaf_counts: Floats | None = None
    held: int = 0  # numbers in `leaves`
    groups: dict[int, tuple[Rows, Grouping, Rows]] = field(default_factory=dict)  # by level
    masks: dict[object, Bools] = field(default_factory=dict)  # (S,) leaves by scope
    parts: dict[tuple[int, ...], tuple[list[Bools], Part]] = field(default_factory=dict)  # by identity of masks
    siblings: dict[int, Siblings] = field(default_factory=dict)  # by axis
    alike: set[int] = field(default_factory=set)  # axes in whose groups every row has the group's common movement

    def put(self, row: int, leaves: Ints, all_leaves: int) -> None:
        """Keeps the leaves of a row; forgets all others once they are as many as four times all leaves."""
        if self.held + len(leaves) > LEAVES_KEPT * all_leaves:
            self.leaves.clear()
            self.held = 0
        self.leaves[row] = leaves
        self.held += len(leaves)

    def put_above(self, row: int, above: Above, all_leaves: int) -> None:
        """Keeps what is above a row's leaves; forgets all others once there are as many pairs as leaves."""
        if self.linked + len(above.leaf) > all_leaves:
            self.above.clear()
            self.linked = 0
        self.above[row] = above
        self.linked += len(above.leaf)


@dataclass(frozen=True, slots=True)
class Lattice:
    """Row structure of one state of the index; rebuilt when rows are added. S rows, D dimensions.

    The group-by lattice of a data cube (Gray et al. 1997; Harinarayan, Rajaraman & Ullman 1996).
    """

    size: int
    metric: Ints  # (S,) index into schema.metrics
    level: Ints  # (S,) index into `levels`
    levels: tuple[tuple[int, Level], ...]  # (metric, level) of each level code
    codes: Ints  # (D, S) code of the label of each row; unique within a dimension
    leaf: Bools  # (S,)
    watched: Bools  # (S,)
    rollups: tuple[RollUp, ...]  # in an order in which sources are complete
    siblings: tuple[Ints, ...]  # per axis (S,) group code; 0 = no group
    sibling_counts: tuple[Ints, ...]  # per axis (groups,) rows in the group; group 0 counts 0
    leaves: Ints  # (L,) rows of all leaves, ascending
    plan_by_level: Mapping[int, RollUp]
    kept: Kept = field(default_factory=Kept, compare=False, repr=False)

    def ancestors(self, level: int) -> Ints:
        """(L,) row of the given level above each leaf, -1 where there is none."""
        above = np.full(self.size, -1, np.int64)
        rows = self.rows_at(level)
        above[rows] = rows
        at = level
        while at in self.plan_by_level:
            rollup = self.plan_by_level[at]
            above[rollup.source] = above[rollup.target][rollup.grouping.code]
            at = rollup.finer
        return above[self.leaves]

    def all_above(self, leaves: Ints) -> Ints:
        """(levels, n) rows above some leaves of one level, themselves among them; -1 where there is none."""
        out = np.full((len(self.levels), len(leaves)), -1, np.int64)
        out[int(self.level[leaves[0]])] = leaves
        for rollup in self.rollups:
            if out[rollup.finer].max() >= 0 and rollup.grouping.size:
                out[rollup.level] = rollup.above(out[rollup.finer])
        return out

    def leaves_of(self, row: int) -> Ints:
        """Leaf rows of a cuboid row, ascending; the last asked for are kept, so do not write into them."""
        found = self.kept.leaves.get(row)
        if found is None:
            found = np.array([row], np.int64)
            at = int(self.level[row])
            while at in self.plan_by_level:
                found = self.plan_by_level[at].below(found)
                at = self.plan_by_level[at].finer
            found.sort()
            found.flags.writeable = False
            self.kept.put(row, found, len(self.leaves))
        return found

    def above(self, row: int) -> Above:
        """What lies above the leaves of a cuboid row; the last asked for are kept."""
        found = self.kept.above.get(row)
        if found is None:
            table = self.all_above(self.leaves_of(row))
            level, leaf = np.nonzero(table >= 0)
            rows, target = np.unique(table[level, leaf], return_inverse=True)
            found = Above(rows, leaf.astype(np.int32), target.reshape(-1).astype(np.int32))
            self.kept.put_above(row, found, len(self.leaves))
        return found

    def around(self, row: int) -> Ints:
        """(levels,) the row of each level that holds all leaves of a row, -1 where none does; kept, do not write."""
        found = self.kept.around.get(row)
        if found is None:
            table = self.all_above(self.leaves_of(row))
            found = np.where((table == table[:, :1]).all(axis=1), table[:, 0], -1)
            found.flags.writeable = False
            if len(self.kept.around) >= AROUND_KEPT:
                self.kept.around.clear()
            self.kept.around[row] = found
        return found

    def groups_at(self, level: int) -> tuple[Rows, Grouping, Rows]:
        """Leaves (indices into `leaves`) below a level, how they are grouped, and the rows of the groups; kept."""
        found = self.kept.groups.get(level)
        if found is None:
            above = self.ancestors(level)
            inside = np.flatnonzero(above >= 0)
            rows, code = np.unique(above[inside], return_inverse=True)
            found = as_slice(inside), Grouping.of(code.reshape(-1), len(rows)), as_slice(rows)
            self.kept.groups[level] = found
        return found

    def siblings_of(self, axis: int) -> Siblings:
        """How the rows fall into the groups of an axis; kept."""
        if axis not in self.kept.siblings:
            self.kept.siblings[axis] = Siblings.of(self.siblings[axis], self.level, SIBLINGS_BY_SHAPE)
        return self.kept.siblings[axis]

    def part_of(self, masks: Sequence[Bools]) -> Part:
        """Leaves in any of the masks (S,) with all rows above them; kept by the masks, so do not write into these."""
        key = tuple(map(id, masks))
        if key not in self.kept.parts:
            if len(self.kept.parts) >= PARTS_KEPT:
                self.kept.parts.clear()
            self.kept.parts[key] = list(masks), self._part(masks)
        return self.kept.parts[key][1]

    def _part(self, masks: Sequence[Bools]) -> Part:
        inside = np.zeros(self.size, bool)
        for mask in masks:
            inside |= mask
        inside &= self.leaf
        leaves = np.flatnonzero(inside)
        links = []
        for rollup in self.rollups:
            source = np.arange(self.size)[rollup.source]
            source = source[inside[source]]
            if len(source):
                above = rollup.above(source)
                inside[above] = True
                links.append((rollup, source, above))
        rows = np.flatnonzero(inside)
        rollups = []
        for rollup, source, above in links:
            target, code = np.unique(above, return_inverse=True)
            finer, coarser = (as_slice(np.searchsorted(rows, some)) for some in (source, target))
            grouping = Grouping.of(code.reshape(-1), len(target))
            rollups.append(RollUp(rollup.level, rollup.finer, finer, coarser, grouping))
        return Part(rows, leaves, as_slice(np.searchsorted(rows, leaves)), tuple(rollups))

    @property
    def leaf_rows(self) -> Rows:
        """Rows of all leaves; a slice where they are neighbours."""
        if self.kept.leaf_rows is None:
            self.kept.leaf_rows = as_slice(self.leaves)
        return self.kept.leaf_rows

    @property
    def leaf_counts(self) -> Floats:
        """(S,) number of leaves of each row, 1 for a leaf; kept, so do not write into it."""
        if self.kept.leaf_counts is None:
            self.kept.leaf_counts = self.sum_up(self.leaf.astype(np.float32))
            self.kept.leaf_counts.flags.writeable = False
        return self.kept.leaf_counts

    def rows_at(self, level: int) -> Ints:
        return np.flatnonzero(self.level == level)

    def sum_up(self, values: Floats) -> Floats:
        """Adds leaf values (last axis S) into their roll-up rows, in place; returns the same array."""
        for rollup in self.rollups:
            values[rollup.target] = rollup.grouping.sum(values[rollup.source])
        return values
