"""Trace: what every row was, was expected to be and scored, tick by tick, on disk until the plots are known."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from types import TracebackType
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.series import SeriesIndex
from tocsin.outcome import Outcome

FIELDS = ("observed", "expected", "lower", "upper", "surprise")
MOST_BYTES = 8 << 30  # of disk; what comes after is not drawn


class Window(NamedTuple):
    """N ticks of one row; NaN where nothing is known."""

    t_ms: NDArray[np.int64]  # (N,)
    values: NDArray[np.float32]  # (5, N) in the order of `FIELDS`


@dataclass(slots=True)
class _Lane:
    t_ms: list[int] = field(default_factory=list)
    at: list[int] = field(default_factory=list)  # byte at which the tick's values begin
    size: list[int] = field(default_factory=list)  # rows it has
    index: SeriesIndex | None = None
    rows: dict[tuple[str, frozenset[tuple[str, str]]], int] = field(default_factory=dict)


class Trace:
    """20 B a row and tick in a nameless temporary file; give `watch` to `run_backtest`."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="tocsin-backtest-")  # noqa: SIM115 closed by __exit__
        self._end = 0
        self._most = most_bytes
        self._lanes: list[_Lane] = []
        self._open: dict[int, _Lane] = {}  # interval → the lane of the present run
        self._map: NDArray[np.uint8] | None = None
        self.is_full = False

    def __enter__(self) -> Trace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._map = None
        self._file.close()

    def begin(self) -> None:
        """Another run starts: its rows are others."""
        self._open = {}

    def watch(self, outcome: Outcome) -> None:
        """Keeps one tick."""
        lane = self._open.get(outcome.interval_ms)
        if lane is None:
            lane = self._open[outcome.interval_ms] = _Lane()
            self._lanes.append(lane)
        lane.index = outcome.index
        size = len(outcome.observed)
        if self._end + 20 * size > self._most:
            self.is_full = True
            return
        values = np.stack([np.asarray(getattr(outcome, name), np.float32) for name in FIELDS])
        self._file.write(values.tobytes())
        lane.t_ms.append(outcome.t_ms)
        lane.at.append(self._end)
        lane.size.append(size)
        self._end += values.nbytes

    def places(self, metric: str, cuboid: dict[str, str]) -> list[tuple[int, int]]:
        """(lane, row) of all rows of exactly this cuboid; `metric` "*": of every metric."""
        found = []
        for number, lane in enumerate(self._lanes):
            rows = self._rows(lane)
            metrics = [m.name for m in lane.index.schema.metrics] if metric == "*" and lane.index else [metric]
            found += [(number, row) for m in metrics if (row := rows.get((m, frozenset(cuboid.items())))) is not None]
        return found

    def window(self, place: tuple[int, int], from_ms: int, to_ms: int) -> Window:
        """The ticks of a row from one time to another, both included."""
        lane, row = self._lanes[place[0]], place[1]
        t_ms = np.array(lane.t_ms, np.int64)
        first, last = np.searchsorted(t_ms, from_ms), np.searchsorted(t_ms, to_ms, side="right")
        memory = self._memory()
        values = np.full((len(FIELDS), last - first), np.nan, np.float32)
        for column, tick in enumerate(range(int(first), int(last))):
            size, at = lane.size[tick], lane.at[tick]
            if row < size:
                values[:, column] = memory[at : at + 20 * size].view(np.float32)[row::size]
        return Window(t_ms[first:last], values)

    def interval_ms(self, place: tuple[int, int]) -> int:
        """The tick of a lane."""
        index = self._lanes[place[0]].index
        return index.schema.interval_ms if index is not None else 0

    def _memory(self) -> NDArray[np.uint8]:
        if self._map is None:
            self._file.flush()
            self._map = np.memmap(self._file, np.uint8, "r") if self._end else np.zeros(0, np.uint8)
        return self._map

    @staticmethod
    def _rows(lane: _Lane) -> dict[tuple[str, frozenset[tuple[str, str]]], int]:
        if not lane.rows and lane.index is not None:
            index = lane.index
            lane.rows = {
                (index.metric_of(row).name, frozenset(index.cuboid(row).items())): row for row in range(len(index))
            }
        return lane.rows
