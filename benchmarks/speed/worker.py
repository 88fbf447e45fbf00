"""One cell in a process of its own: builds, says so, then measures whenever a line arrives; one JSON object a line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict

from benchmarks.speed.cell import Cell
from tocsin.heap import keep_freed_memory


def make_cell(name: str, size: int) -> Cell:
    """The cell of this name; its modules are imported only here, so that a process holds nobody else's memory."""
    if name == "triad":
        from benchmarks.speed.triad_cell import TriadCell

        return TriadCell()
    if name == "core":
        from benchmarks.speed.core_cell import CoreCell

        return CoreCell(size)
    if name == "whole":
        from benchmarks.speed.whole_cell import WholeCell

        return WholeCell(size)
    if name == "river":
        from benchmarks.speed.river_cell import RiverCell

        return RiverCell(size)
    if name == "river_step":
        from benchmarks.speed.river_step_cell import RiverStepCell

        return RiverStepCell(size)
    from benchmarks.speed.model_cells import MODELS, ModelCell

    if name not in MODELS:
        raise ValueError(
            f"cell: expected triad, core, whole, river, river_step or one of {sorted(MODELS)}, got {name!r}"
        )
    return ModelCell(name, size, 10 if name == "rrcf" else 30)


def memory_of(name: str) -> Callable[[int], dict[str, float]]:
    from benchmarks.speed import memory

    return {"core": memory.core_memory, "whole": memory.whole_memory, "river": memory.river_memory}[name]


def main(arguments: list[str]) -> None:
    what, name, size = arguments[0], arguments[1], int(arguments[2])
    keep_freed_memory()  # as a command of tocsin does; every side alike
    if what == "memory":
        _say(memory_of(name)(size))
        return
    cell = make_cell(name, size)
    _say({"points": cell.points, "separation": cell.separation()})
    for _ in sys.stdin:
        _say(asdict(cell.measure()))


def _say(value: dict[str, object] | dict[str, float]) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
