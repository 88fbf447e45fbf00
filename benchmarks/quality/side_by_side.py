"""Panels do not depend on each other: several are judged at a time, each in a process of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing import get_context
from typing import TypeVar

import numpy as np

from benchmarks.quality.dataset import Dataset, Panel

R = TypeVar("R")
WORTHWHILE = 10_000  # ticks besides the longest panel: fewer take less time than a process does to start


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def of_panels(work: Callable[[int, Dataset], R], dataset: Dataset, jobs: int) -> list[R]:
    """`work(number, dataset with this panel alone)` of each panel, in their order; at most `jobs` at a time.

    In processes that start afresh, so `work` must be importable; panels reach them without their texts of times.
    Where processes cannot be had, or one is killed, one after another in this one.
    """
    parts = [_part(dataset, panel) for panel in dataset.panels]
    ticks = [judged_ticks(panel) for panel in dataset.panels]
    if jobs == 1 or sum(ticks) - max(ticks, default=0) < WORTHWHILE:
        return [work(number, part) for number, part in enumerate(parts)]
    longest_first = np.argsort(-np.array(ticks), kind="stable").tolist()
    try:
        with ProcessPoolExecutor(min(jobs, len(parts)), mp_context=get_context("spawn")) as pool:
            running = {number: pool.submit(work, number, parts[number]) for number in longest_first}
            return [running[number].result() for number in range(len(parts))]
    except (OSError, ImportError, NotImplementedError, BrokenProcessPool) as error:
        print(f"note: --jobs {jobs}: no processes side by side, one after another instead: {error}", file=sys.stderr)
        return [work(number, part) for number, part in enumerate(parts)]


def judged_ticks(panel: Panel) -> int:
    """Ticks from the first that any unit is judged at."""
    return max(len(panel.t_ms) - min(unit.score_from for unit in panel.units), 0)


def _part(dataset: Dataset, panel: Panel) -> Dataset:
    return replace(dataset, panels=(replace(panel, texts=()),))
