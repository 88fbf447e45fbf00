"""Gathered history on disk, in numbered parts of our snapshot format: a backfill that was killed goes on from them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors import snapshot
from detector.frame import Tick
from tocsin.past import Past, Piece

FOLDER = "backfill"
ALL = 1 << 30  # parts are never pruned
Arrays = dict[str, NDArray[Any]]


class Spool:
    """Parts of one backfill in `DATA_DIR/backfill`. Each holds ticks per lane, and what was the state after them."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / FOLDER
        self._waiting: dict[int, list[tuple[Tick, NDArray[np.int64]]]] = {}
        self.waiting_values = 0

    @property
    def folder(self) -> Path:
        return self._folder

    def exists(self) -> bool:
        return bool(snapshot.newest_first(self._folder))

    def clear(self) -> None:
        """Deletes everything, also what learning had saved."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, lane: int, tick: Tick, leaves: NDArray[np.int64]) -> None:
        """Keeps a closed tick for the next part; `leaves` (L,) rows of the leaves at this moment."""
        self._waiting.setdefault(lane, []).append((tick, leaves))
        self.waiting_values += len(leaves)

    def write(self, header: dict[str, Any], engine_arrays: Arrays) -> None:
        """Publishes what waits as a part; `header` and `engine_arrays` are the state after it."""
        arrays: Arrays = {f"engine.{name}": a for name, a in engine_arrays.items()}
        counts = {}
        for lane, ticks in self._waiting.items():
            rows = ticks[-1][1]
            counts[str(lane)] = len(ticks)
            y = np.full((len(ticks), len(rows)), np.nan)
            for i, (tick, _) in enumerate(ticks):
                had = rows[: int(np.searchsorted(rows, len(tick.y)))]  # rows are only ever added
                y[i, : len(had)] = tick.y[had]
            arrays[f"{lane}.t_ms"] = np.array([tick.t_ms for tick, _ in ticks], np.int64)
            arrays[f"{lane}.rows"] = rows
            arrays[f"{lane}.y"] = _narrow(y)
            arrays[f"{lane}.delivered"] = np.array([tick.feed_delivered for tick, _ in ticks], bool)
        snapshot.write(self._folder, {**header, "ticks": counts}, arrays, keep=ALL)
        self._waiting, self.waiting_values = {}, 0

    def newest(self) -> tuple[dict[str, Any], Arrays] | None:
        """Header and engine arrays of the last part; what stands after the first part that is broken is deleted."""
        found: tuple[dict[str, Any], Arrays] | None = None
        paths = snapshot.newest_first(self._folder)[::-1]
        for i, path in enumerate(paths):
            try:
                part = snapshot.read(path)
            except snapshot.BadSnapshotError:
                for late in paths[i:]:
                    late.unlink(missing_ok=True)
                break
            arrays = {n.removeprefix("engine."): a for n, a in part.arrays.items() if n.startswith("engine.")}
            found = part.header, arrays
        return found

    def past(self, lane: int) -> Past:
        """The history of a lane, read from disk at every pass, one part in memory at a time."""
        ticks, first_ms, last_ms = 0, 0, 0
        for piece in self._pieces(lane):
            first_ms = first_ms if ticks else int(piece.t_ms[0])
            ticks, last_ms = ticks + len(piece.t_ms), int(piece.t_ms[-1])
        return Past(ticks, first_ms, last_ms, lambda: self._pieces(lane))

    def _pieces(self, lane: int) -> Iterator[Piece]:
        for path in snapshot.newest_first(self._folder)[::-1]:
            arrays = snapshot.read(path).arrays
            if f"{lane}.t_ms" in arrays:
                t_ms, rows, y, delivered = (arrays[f"{lane}.{n}"] for n in ("t_ms", "rows", "y", "delivered"))
                yield Piece(t_ms, rows, y.astype(np.float64), delivered)


def _narrow(y: NDArray[np.float64]) -> NDArray[Any]:
    """As float32 where that loses nothing, as with counts; half the disk."""
    with np.errstate(over="ignore"):
        small = y.astype(np.float32)
    return small if bool(((small == y) | np.isnan(y)).all()) else y
