"""The series index: label values ↔ row, append-only, with every roll-up row that the leaves imply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product

import numpy as np

from detector.frame import Ints, Key
from detector.grouping import Grouping, as_slice
from detector.lattice import Lattice as Lattice
from detector.lattice import Level as Level
from detector.lattice import RollUp
from detector.row_table import RowTable
from detector.schema import ALL, Metric, Schema

ABSENT = ""  # the label of a dimension that the metric does not have


class SeriesIndex:
    """Labels ↔ rows. A leaf is a key of the samples; its roll-ups are all combinations of parents and `*`.

    Rows are the cells of a data cube (Gray et al. 1997); dimensions whose values are no peers are not summed over.

    New leaves are admitted in bulk (`admit`), in sorted order of their keys, so that the order of rows depends on the
    log only. Memory: about 150 B a leaf for the key table; a row 12 B for its table, 4 B a code.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._metrics = {metric.name: i for i, metric in enumerate(schema.metrics)}
        dims = schema.dimensions
        self._texts: list[list[str]] = [[ALL] for _ in dims]  # code → label; 0 = all
        self._code_level: list[list[int]] = [[len(d.parents) + 1] for d in dims]  # code → level within the dimension
        self._codes: list[dict[tuple[int, str], int]] = [{(len(d.parents) + 1, ALL): 0} for d in dims]
        self._parents: list[list[list[int]]] = [[[] for _ in d.parents] for d in dims]  # [dim][parent][code] or -1
        self._bits = 62 // max(len(dims), 1)
        self._rows: dict[Key, int] = {}
        self._tables: dict[tuple[int, Level], RowTable] = {}
        self._levels: list[tuple[int, Level]] = []
        self._level_codes: dict[tuple[int, Level], int] = {}
        self._row_level: list[Ints] = []
        self._row_codes: list[Ints] = []
        self._size = 0
        self._n_leaves = 0
        self._steps: list[int] = []
        self._lattice: Lattice | None = None
        self._flat: tuple[Ints, Ints] | None = None  # (S,) level code, (D, S) label codes

    def __len__(self) -> int:
        return self._size

    @property
    def leaf_count(self) -> int:
        return self._n_leaves

    @property
    def rows(self) -> Mapping[Key, int]:
        """Key → row of every leaf; the aligner looks samples up here."""
        return self._rows

    # -- admission ---------------------------------------------------------------------------------------------------

    def admit(self, keys: Iterable[Key]) -> int:
        """Adds leaves not yet known, with their roll-ups, in sorted order; returns the number of new rows.

        A key has one text per `Schema.key_columns`; an unknown metric raises KeyError (the codec never lets one pass).
        """
        fresh = sorted({key for key in keys if key not in self._rows})
        before = self._size
        if fresh:
            self._steps.append(len(fresh))
        dims = len(self.schema.dimensions)
        for metric_code, group in _by_metric(fresh, self._metrics):
            metric = self.schema.metrics[metric_code]
            has = [metric.dimensions is None or d.name in metric.dimensions for d in self.schema.dimensions]
            values = np.zeros((dims, len(group)), np.int64)
            for d in range(dims):
                if has[d]:
                    values[d] = [self._intern(d, key[1 + d], key) for key in group]
            self._add_leaves(metric_code, metric, has, values, group)
        if self._size > before:
            self._lattice = None
            self._flat = None
        return self._size - before

    def _add_leaves(self, metric_code: int, metric: Metric, has: list[bool], values: Ints, keys: Sequence[Key]) -> None:
        """Appends the leaves, then level by level the roll-ups that they imply."""
        leaf_level: Level = tuple(0 if h else -1 for h in has)
        # two keys of equal labels (a parent that arrives with the sample changed) are one leaf
        known = self._tables.setdefault((metric_code, leaf_level), RowTable())
        combined = self._combine(values)
        rows = known.find(combined)
        new = np.flatnonzero(rows < 0)
        unique, first, which = np.unique(combined[new], return_index=True, return_inverse=True)
        rank = np.argsort(np.argsort(first))
        rows[new] = self._size + rank[which.reshape(-1)]
        known.add(unique, self._size + rank)
        self._rows.update(zip(keys, rows.tolist(), strict=True))
        if not len(new):
            return
        added = values[:, new[np.sort(first)]]
        self._append(metric_code, leaf_level, added)
        self._n_leaves += added.shape[1]
        options = [
            (range(len(d.parents) + 2) if d.peers else (0,)) if h else (-1,)
            for d, h in zip(self.schema.dimensions, has, strict=True)
        ]
        for level in product(*options):
            if level == leaf_level:
                continue
            codes = self._lift(added, level)
            codes = codes[:, (codes >= 0).all(axis=0)]
            table = self._tables.setdefault((metric_code, level), RowTable())
            unique, first = np.unique(self._combine(codes), return_index=True)
            is_new = table.find(unique) < 0
            if is_new.any():
                new = first[is_new]
                table.add(unique[is_new], self._size + np.arange(len(new)))
                self._append(metric_code, level, codes[:, new])

    def _lift(self, values: Ints, level: Level) -> Ints:
        """Codes of the given level above leaf codes (D, N); -1 where a parent is unknown."""
        out = values.copy()
        for d, at in enumerate(level):
            if at == len(self.schema.dimensions[d].parents) + 1:
                out[d] = 0
            elif at > 0:
                out[d] = np.asarray(self._parents[d][at - 1], np.int64)[values[d]]
        return out

    def _combine(self, codes: Ints) -> Ints:
        out = np.zeros(codes.shape[1], np.int64)
        for row in codes:
            out = (out << self._bits) | row
        return out

    def _append(self, metric_code: int, level: Level, codes: Ints) -> None:
        code = self._level_codes.setdefault((metric_code, level), len(self._levels))
        if code == len(self._levels):
            self._levels.append((metric_code, level))
        self._row_level.append(np.full(codes.shape[1], code, np.int32))
        self._row_codes.append(codes.astype(np.int32))
        self._size += codes.shape[1]

    def _intern(self, d: int, text: str, key: Key) -> int:
        code = self._code(d, 0, text)
        dimension = self.schema.dimensions[d]
        columns = self.schema.key_columns
        for p, parent in enumerate(dimension.parents):
            table = self._parents[d][p]
            if table[code] >= 0:
                continue
            name = (
                parent.of(text)
                if parent.patterns is not None
                else key[columns.index(f"{dimension.name}.{parent.name}")]
            )
            if name:
                above = self._code(d, p + 1, name)
                table[code] = above
        return code

    def _code(self, d: int, level: int, text: str) -> int:
        code = self._codes[d].get((level, text))
        if code is None:
            code = self._codes[d][(level, text)] = len(self._texts[d])
            if code >= 1 << self._bits:
                raise OverflowError(f"dimension {self.schema.dimensions[d].name!r} has more than {code} values")
            self._texts[d].append(text)
            self._code_level[d].append(level)
        for table in self._parents[d]:
            table.extend([-1] * (len(self._texts[d]) - len(table)))
        return code

    # -- reading -----------------------------------------------------------------------------------------------------

    def _flatten(self) -> tuple[Ints, Ints]:
        if self._flat is None:
            dims = len(self.schema.dimensions)
            level = np.concatenate([np.zeros(0, np.int32), *self._row_level])
            codes = np.concatenate([np.zeros((dims, 0), np.int32), *self._row_codes], axis=1)
            self._row_level, self._row_codes = [level], [codes]
            self._flat = level, codes
        return self._flat

    def is_leaf(self, row: int) -> bool:
        _, level = self._levels[self._flatten()[0][row]]
        return all(at <= 0 for at in level)

    def is_watched(self, row: int) -> bool:
        return self.metric_of(row).role == "watched"

    def metric_of(self, row: int) -> Metric:
        metric: Metric = self.schema.metrics[self._levels[self._flatten()[0][row]][0]]
        return metric

    def labels(self, row: int) -> dict[str, str]:
        """Labels as metrics and pages show them: `*` for all, `device="*", device_family="phone"` for a parent row."""
        levels, codes = self._flatten()
        metric, level = self._levels[levels[row]]
        out = {"metric": self.schema.metrics[metric].name}
        for d, at in enumerate(level):
            dimension = self.schema.dimensions[d]
            if at < 0:
                continue
            text = self._texts[d][codes[d, row]]
            if 0 < at <= len(dimension.parents):
                out[dimension.name] = ALL
                out[f"{dimension.name}_{dimension.parents[at - 1].name}"] = text
            else:
                out[dimension.name] = text
        return out

    def cuboid(self, row: int) -> dict[str, str]:
        """The row as a cuboid: `region`, `device.family`, …; dimensions that are `all` are left out."""
        levels, codes = self._flatten()
        _, level = self._levels[levels[row]]
        out = {}
        for d, at in enumerate(level):
            dimension = self.schema.dimensions[d]
            if 0 <= at <= len(dimension.parents):
                name = dimension.name if at == 0 else f"{dimension.name}.{dimension.parents[at - 1].name}"
                out[name] = self._texts[d][codes[d, row]]
        return out

    def vocabulary(self, d: int) -> tuple[list[str], list[int]]:
        """Texts and levels of all codes of dimension `d`."""
        return self._texts[d], self._code_level[d]

    def parent_codes(self, d: int, parent: int) -> Ints:
        """Code of the parent of every code of dimension `d`, -1 where it has none."""
        return np.asarray(self._parents[d][parent], np.int64)

    def lattice(self) -> Lattice:
        """The row structure; cached until rows are added."""
        if self._lattice is None:
            self._lattice = build_lattice(self)
        return self._lattice

    # -- for the lattice and for snapshots ---------------------------------------------------------------------------

    def structure(self) -> tuple[Ints, Ints, Sequence[tuple[int, Level]]]:
        level, codes = self._flatten()
        return level, codes, self._levels

    def lift(self, values: Ints, level: Level) -> Ints:
        return self._lift(values, level)

    def combine(self, codes: Ints) -> Ints:
        return self._combine(codes)

    def row_table(self, metric: int, level: Level) -> RowTable:
        """Combined codes → rows of a level; empty where the metric does not have it."""
        return self._tables.get((metric, level)) or RowTable()

    def history(self) -> tuple[list[Key], list[int]]:
        """Every admitted key in order, and how many came in each admission: `replay` gives the same rows."""
        return list(self._rows), list(self._steps)

    def replay(self, keys: Sequence[Key], steps: Sequence[int]) -> None:
        """Admits what `history` returned, into an empty index."""
        start = 0
        for count in steps:
            self.admit(keys[start : start + count])
            start += count


def _by_metric(keys: Sequence[Key], metrics: Mapping[str, int]) -> list[tuple[int, list[Key]]]:
    groups: dict[int, list[Key]] = {}
    for key in keys:
        groups.setdefault(metrics[key[0]], []).append(key)
    return sorted(groups.items())


def build_lattice(index: SeriesIndex) -> Lattice:
    """Roll-up plan and sibling groups of the present rows."""
    schema = index.schema
    level_of, codes, levels = index.structure()
    size = len(level_of)
    tops = [len(d.parents) + 1 for d in schema.dimensions]
    metric = np.asarray([m for m, _ in levels], np.int32)[level_of] if size else np.zeros(0, np.int32)
    is_leaf_level = np.asarray([all(at <= 0 for at in level) for _, level in levels], bool)
    leaf = is_leaf_level[level_of] if size else np.zeros(0, bool)
    watched_metric = np.asarray([m.role == "watched" for m in schema.metrics], bool)
    rows = [np.flatnonzero(level_of == code) for code in range(len(levels))]
    position = {key: code for code, key in enumerate(levels)}

    rollups = []
    for code in sorted(range(len(levels)), key=lambda c: sum(levels[c][1])):
        m, level = levels[code]
        finer = _cheapest_finer(level, tops, m, position, rows)
        if finer is None:
            continue
        source = rows[position[(m, finer)]]
        lifted = _lift_between(index, codes[:, source], finer, level)
        known = (lifted >= 0).all(axis=0)
        target = rows[code]
        order = np.argsort(index.combine(codes[:, target].astype(np.int64)), kind="stable")
        place = np.searchsorted(
            index.combine(codes[:, target[order]].astype(np.int64)), index.combine(lifted[:, known])
        )
        grouping = Grouping.of(order[place], len(target))
        rollups.append(RollUp(code, position[(m, finer)], as_slice(source[known]), as_slice(target), grouping))

    siblings: list[Ints] = []
    counts: list[Ints] = []
    for d in range(len(tops)):
        at_all = np.asarray([level[d] in (-1, tops[d]) or not schema.dimensions[d].peers for _, level in levels], bool)
        others = codes.astype(np.int64)
        others[d] = 0
        _, group = np.unique(index.combine(others), return_inverse=True)
        _, group = np.unique(group.reshape(-1) * len(levels) + level_of, return_inverse=True)
        group = group.reshape(-1)
        count = np.bincount(group, minlength=1)
        alone = (count[group] < 2) | (at_all[level_of] if size else np.zeros(0, bool))
        _, compact = np.unique(group[~alone], return_inverse=True)
        axis_code = np.zeros(size, np.int32)
        axis_code[~alone] = compact.reshape(-1) + 1
        siblings.append(axis_code)
        number = np.bincount(axis_code, minlength=1)
        number[0] = 0
        counts.append(number)

    return Lattice(
        size, metric, level_of, tuple(levels), codes, leaf, watched_metric[metric] if size else np.zeros(0, bool),
        tuple(rollups), tuple(siblings), tuple(counts), np.flatnonzero(leaf), {r.level: r for r in rollups},
    )  # fmt: skip


def _cheapest_finer(
    level: Level, tops: Sequence[int], metric: int, position: Mapping[tuple[int, Level], int], rows: Sequence[Ints]
) -> Level | None:
    """The finer level with the fewest rows from which `level` can be summed: one dimension taken down to its values.

    Only the value level of a dimension is sure to be complete (a value may have no parent).
    """
    finer = [(*level[:d], 0, *level[d + 1 :]) for d, at in enumerate(level) if at > 0]
    present = [f for f in finer if (metric, f) in position]
    return min(present, key=lambda f: len(rows[position[(metric, f)]])) if present else None


def _lift_between(index: SeriesIndex, codes: Ints, finer: Level, level: Level) -> Ints:
    """Codes (D, n) of rows at `finer` lifted to `level`; they differ in one dimension, which is at its values."""
    changed = tuple(at if at != low else 0 for at, low in zip(level, finer, strict=True))
    return index.lift(codes.astype(np.int64), changed)
