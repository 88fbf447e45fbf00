"""`python -m benchmarks.quality.fused_tail GRID`: how often calm scores exceed the p that is told, by three tails.

The p of an alarm is the rank of its fused score among those of its class. What lies beyond the last rank is a guess:
an exponential (in force), a Weibull, or the score itself, which is a surprise already. Each is asked at every judged
tick, of what was learnt before it; calm is what lies outside labelled incidents and special events and a day after.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.dataset import Dataset
from benchmarks.quality.lattice import detect
from benchmarks.quality.read import read_dataset
from benchmarks.quality.table import aligned
from benchmarks.quality.truth import read_grid_truth
from detector.errors import DataError, TocsinError
from ensemble.calibrate import LEAST_FUSED
from ensemble.rank import Rank
from ensemble.tails import POOL_COUNT, TAIL_P, fit_weibull, tail_quantiles
from tocsin.core import Core

PROMISED = (1e-2, 1e-3, 1e-4, 1e-5)  # of scores in one direction
BEFORE_MS, AFTER_MS = 2 * 3_600_000, 24 * 3_600_000  # of an incident or event that are not calm either
Tail = Callable[[NDArray[np.float64], float, float], float]


def exponential(hist: NDArray[np.float64], total: float, size: float) -> float:
    """The tail in force."""
    rank = Rank.of(hist, total)
    return size if rank is None else rank.surprise(size)


def weibull(hist: NDArray[np.float64], total: float, size: float) -> float:
    """Through the last quantile, with the shape of the quantiles before it: -log10 p = -log10 .005 (c/c_last)^b."""
    quantiles = tail_quantiles(hist, np.array(total))
    last = math.exp(float(quantiles[-1]))
    if not size > last:  # also where it is not known
        return exponential(hist, total, size)
    shape = float(fit_weibull(quantiles[None])[1][0])
    return -math.log10(float(TAIL_P[-1])) * (size / last) ** shape


def itself(hist: NDArray[np.float64], total: float, size: float) -> float:
    """The fused score, taken for a surprise."""
    return size


TAILS: dict[str, Tail] = {"exponential (in force)": exponential, "Weibull": weibull, "the score itself": itself}


class Asked:
    """A calibration that, before it learns a tick's fused scores, asks every tail what it says of them."""

    def __init__(self, inner: Any, with_episodes: bool = False) -> None:
        self.inner, self.with_episodes = inner, with_episodes
        self.counts: list[NDArray[np.int64]] = []  # per learning tick (tails, promised) exceedances
        self.cells: list[int] = []  # per learning tick rows that were judged

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def learn_fused(self, state: Any, c: Any, classes: Any, rate: Any, outside: Any = None) -> None:
        """Asks, then learns."""
        rows = np.flatnonzero((rate > 0) & np.isfinite(c))
        count = np.zeros((len(TAILS), len(PROMISED)), np.int64)
        least = -np.log10(np.array(PROMISED))
        for row in rows[np.abs(c[rows]) > 0].tolist():
            side, of = int(c[row] > 0), int(classes[row])
            hist, total = state.fused[of, side], float(state.fused_total[of])
            if total < POOL_COUNT:
                hist, total = state.fused[:, side].sum(axis=0), float(state.fused_total.sum())
            if total >= LEAST_FUSED:
                size = abs(float(c[row]))
                count += np.array([[tail(hist.astype(float), total, size)] for tail in TAILS.values()]) >= least
        self.counts.append(count)
        self.cells.append(len(rows))
        self.inner.learn_fused(state, c, classes, rate, None if self.with_episodes else outside)


def exceedances(dataset: Dataset, budget: float, with_episodes: bool = False) -> tuple[NDArray[np.int64], int]:
    """(tails, promised) how many calm scores exceed each promised p, and how many calm scores there are."""
    truth = read_grid_truth(dataset)
    if truth is None:
        raise DataError(f"{dataset.path}: expected a grid with incidents.csv")
    asked: list[Asked] = []

    def alter(core: Core) -> None:
        asked.append(Asked(core.calibration, with_episodes))
        core.calibration = asked[0]  # type: ignore[assignment]

    detect(dataset, budget, alter)
    (panel,) = dataset.panels
    t_ms = panel.t_ms[panel.units[0].score_from :]
    calm = np.ones(len(t_ms), bool)
    for start, end in (*truth.incidents, *((start, end) for start, end, _ in truth.events)):
        calm &= (t_ms < start - BEFORE_MS) | (t_ms > end + AFTER_MS)
    if len(asked[0].counts) < len(t_ms):
        raise DataError(f"{dataset.path}: expected ticks of five minutes or more, at which every tick teaches")
    counts, cells = np.stack(asked[0].counts[-len(t_ms) :]), np.array(asked[0].cells[-len(t_ms) :])
    return counts[calm].sum(axis=0), int(cells[calm].sum())


def main(argv: Sequence[str] | None = None) -> int:
    """Prints realised over promised and the number of scores behind it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality.fused_tail", description=__doc__)
    parser.add_argument("path", type=Path, help="folder of a grid with incidents.csv")
    parser.add_argument("--budget", type=float, default=2.0, help="false pages per week of the service")
    parser.add_argument(
        "--with-episodes", action="store_true", help="rank among all scores, not those outside episodes"
    )
    arguments = parser.parse_args(argv)
    try:
        counts, cells = exceedances(read_dataset(arguments.path, None), arguments.budget, arguments.with_episodes)
    except TocsinError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{arguments.path.name}: {cells} calm scores; realised ÷ promised share in one direction (scores in both)")
    table = [["tail", *(f"p {p:g}" for p in PROMISED)]]
    for name, row in zip(TAILS, counts.tolist(), strict=True):
        ratios = [n / (2 * cells * p) if cells else math.nan for n, p in zip(row, PROMISED, strict=True)]
        table.append([name, *(f"{ratio:.2f} ({n})" for ratio, n in zip(ratios, row, strict=True))])
    print(*aligned(table), sep="\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
