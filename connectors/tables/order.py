"""Puts a file into event-time order: sorted in memory where it fits, streamed where it is in order already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from connectors.tables.block import ROWS, Block
from detector.frame import Key, Rejected

MEMORY_ROWS = (
    5_000_000  # 20 bytes each; a file with more is streamed if it is in order, else held in memory all the same
)


@dataclass(slots=True)
class Ordered:
    """A file in event-time order, ties by labels: what is known before reading, and its blocks."""

    rows: int
    first_ms: int | None
    last_ms: int | None
    step_ms: int  # the smallest distance between two times of the file, 0 if there is none
    blocks: Callable[[], Iterator[Block]]  # from the start, each call anew


@dataclass(slots=True)
class _Table:
    """Samples of a file, 20 bytes each, and the keys that they refer to."""

    code: list[NDArray[np.int32]] = field(default_factory=list)
    time_ms: list[NDArray[np.int64]] = field(default_factory=list)
    value: list[NDArray[np.float64]] = field(default_factory=list)
    codes: dict[Key, int] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    gaps: int = 0
    rows: int = 0

    def add(self, block: Block) -> None:
        self.code.append(np.array([self.codes.setdefault(key, len(self.codes)) for key in block.keys], np.int32))
        self.time_ms.append(block.time_ms)
        self.value.append(block.value)
        self.rejected += block.rejected
        self.gaps += block.gaps
        self.rows += len(block.keys)


def put_in_order(read: Callable[[], Iterator[Block]], memory_rows: int = MEMORY_ROWS) -> Ordered:
    """Reads a file once (`read` opens it anew), or twice if it is larger than memory should hold."""
    table, is_sorted, last = _Table(), True, None
    blocks = read()
    for block in blocks:
        is_sorted, last = _goes_on(block.time_ms, is_sorted, last)
        table.add(block)
        if table.rows > memory_rows and is_sorted:
            summary = _scan(blocks, table, last)
            if summary is not None:
                return Ordered(*summary, blocks=lambda: _streamed(read()))
            table = _Table()  # it is out of order further down: all of it has to be held
            for again in read():
                table.add(again)
            break
    return _sorted(table)


def _goes_on(times: NDArray[np.int64], is_sorted: bool, last: int | None) -> tuple[bool, int | None]:
    if not is_sorted or times.size == 0:
        return is_sorted, last
    goes_on = bool((times[1:] >= times[:-1]).all()) and (last is None or times[0] >= last)
    return goes_on, int(times[-1])


def _scan(blocks: Iterator[Block], table: _Table, last: int | None) -> tuple[int, int, int, int] | None:
    """Rows, first, last time and step of a file that is in order to its end; None if it is not."""
    rows, step, is_sorted = table.rows, _step(np.concatenate(table.time_ms)), True
    first = int(table.time_ms[0][0])
    for block in blocks:
        is_sorted, last = _goes_on(block.time_ms, is_sorted, last)
        if not is_sorted:
            return None
        rows += len(block.keys)
    return rows, first, last or 0, step


def _sorted(table: _Table) -> Ordered:
    keys = sorted(table.codes)
    rank = np.empty(len(keys), np.int32)
    rank[[table.codes[key] for key in keys]] = np.arange(len(keys), dtype=np.int32)
    empty = np.empty(0, np.int64)
    code = rank[np.concatenate([*table.code, empty.astype(np.int32)])]
    time_ms = np.concatenate([*table.time_ms, empty])
    value = np.concatenate([*table.value, empty.astype(np.float64)])
    order = np.lexsort((code, time_ms))  # stable: equal times and labels stay in the order of the file
    code, time_ms, value = code[order], time_ms[order], value[order]
    rejected, gaps = table.rejected, table.gaps

    def blocks() -> Iterator[Block]:
        for start in range(0, max(1, len(code)), ROWS):
            part = slice(start, start + ROWS)
            names = [keys[c] for c in code[part].tolist()]
            is_first = start == 0
            yield Block(names, time_ms[part], value[part], rejected if is_first else [], gaps if is_first else 0)

    first, last = (int(time_ms[0]), int(time_ms[-1])) if len(code) else (None, None)
    return Ordered(len(code), first, last, _step(time_ms), blocks)


def _streamed(blocks: Iterator[Block]) -> Iterator[Block]:
    """Blocks of a file that is in order of time: rows of one time are brought into the order of their labels."""
    held = Block([], np.empty(0, np.int64), np.empty(0, np.float64), [])
    for block in blocks:
        joined = _join(held, block)
        size = len(joined.keys)
        cut = int(np.searchsorted(joined.time_ms, joined.time_ms[-1])) if size else 0
        ready, held = _split(joined, cut)
        yield _by_labels(ready)
    yield _by_labels(held)


def _join(one: Block, two: Block) -> Block:
    return Block(
        one.keys + two.keys,
        np.concatenate([one.time_ms, two.time_ms]),
        np.concatenate([one.value, two.value]),
        one.rejected + two.rejected,
        one.gaps + two.gaps,
    )


def _split(block: Block, cut: int) -> tuple[Block, Block]:
    ready = Block(block.keys[:cut], block.time_ms[:cut], block.value[:cut], block.rejected, block.gaps)
    return ready, Block(block.keys[cut:], block.time_ms[cut:], block.value[cut:], [])


def _by_labels(block: Block) -> Block:
    times = block.time_ms.tolist()
    order = sorted(range(len(times)), key=lambda row: (times[row], block.keys[row]))
    if order == list(range(len(times))):
        return block
    return block._replace(
        keys=[block.keys[row] for row in order], time_ms=block.time_ms[order], value=block.value[order]
    )


def _step(time_ms: NDArray[np.int64]) -> int:
    gaps = np.diff(np.unique(time_ms[: 10 * ROWS]))
    return int(gaps.min()) if gaps.size else 0
