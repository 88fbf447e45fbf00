"""Cells in rounds: one process a cell, every cell in every round, order rotated, the triad beside them."""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks.speed.separation import LEAST

ROOT = Path(__file__).resolve().parents[2]
MOST_TRIAD_MOVE = 0.2  # beyond it the machine was busy with something else
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Spec:
    """A cell by name and size; `title` is what the table calls it."""

    title: str
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Table:
    """Nanoseconds of a point by cell and round, the triad by round, and the last figures of each cell."""

    ns: Mapping[str, Sequence[float]]
    triad: Sequence[float]
    points: Mapping[str, int]
    figures: Mapping[str, Mapping[str, float]]

    @property
    def triad_move(self) -> float:
        return max(self.triad) / min(self.triad) - 1

    @property
    def is_void(self) -> bool:
        return self.triad_move > MOST_TRIAD_MOVE

    def ratio(self, above: str, below: str) -> Spread:
        return Spread.of([a / b for a, b in zip(self.ns[above], self.ns[below], strict=True)])

    def in_triads(self, title: str) -> Spread:
        return Spread.of([a / b for a, b in zip(self.ns[title], self.triad, strict=True)])


@dataclass(frozen=True, slots=True)
class Spread:
    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))

    def __str__(self) -> str:
        return f"{self.median:.4g} (min {self.least:.4g}, max {self.most:.4g})"


class Measured(Protocol):
    """A cell that can be asked for a round; `points` a tick, `separation` as `Cell` says."""

    points: int
    separation: float

    def measure(self) -> dict[str, Any]: ...


class Disagreement(Exception):
    """A side did not see the known deviations, so its speed says nothing."""


class Worker:
    """A cell in a child process."""

    def __init__(self, spec: Spec) -> None:
        command = [sys.executable, "-m", "benchmarks.speed.worker", "cell", spec.name, str(spec.size)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment()
        )
        self._spec = spec
        ready = self._read()
        self.points, self.separation = int(ready["points"]), float(ready["separation"])

    def measure(self) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._spec.title}: the process ended with {self._process.wait()} before it answered")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def environment() -> dict[str, str]:
    """One thread for whatever multiplies matrices."""
    return {**os.environ, **dict.fromkeys(THREADS, "1")}


def memory(name: str, size: int) -> dict[str, float]:
    """Bytes of a row of a cell, in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.speed.worker", "memory", name, str(size)]
    out = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, env=environment()).stdout
    answer: dict[str, float] = json.loads(out)
    return answer


def run(specs: Sequence[Spec], rounds: int, least: Mapping[str, float] | None = None) -> Table:
    """Starts one process a cell and measures; `least` separation by title where it is not the common one."""
    with ExitStack() as stack:
        cells: dict[str, Measured] = {}
        for spec in (Spec("triad", "triad", 0), *specs):
            worker = Worker(spec)
            stack.callback(worker.close)
            cells[spec.title] = worker
        return measure(cells, rounds, least or {}, print)


def measure(
    cells: Mapping[str, Measured], rounds: int, least: Mapping[str, float], say: Callable[[str], object]
) -> Table:
    """Asks every cell once a round, beginning with another one each time; the cell `triad` is among them."""
    titles = list(cells)
    sides = [title for title in titles if title != "triad"]
    for title in sides:
        seen = cells[title].separation
        if not math.isnan(seen):
            say(f"  {title}: tells known deviations from the rest with {seen:.3f} (1 = all)")
            if seen < least.get(title, LEAST):
                raise Disagreement(f"{title}: expected at least {least.get(title, LEAST)}, got {seen:.3f}")
    ns: dict[str, list[float]] = {title: [] for title in titles}
    figures: dict[str, dict[str, float]] = {}
    say(f"  {'round':>5} {'triad ns':>9} " + " ".join(f"{title + ' ns/point':>28}" for title in sides))
    for number in range(rounds):
        first = number % len(titles)
        for title in titles[first:] + titles[:first]:
            reading = cells[title].measure()
            ns[title].append(reading["ns"])
            figures[title] = reading["figures"]
        say(f"  {number + 1:>5} {ns['triad'][-1]:>9.3f} " + " ".join(f"{ns[title][-1]:>28.1f}" for title in sides))
    triad = ns.pop("triad")
    return Table(ns, triad, {title: cells[title].points for title in sides}, figures)
