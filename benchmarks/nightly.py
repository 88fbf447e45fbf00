"""`python -m benchmarks.nightly PATH …`: what nightly profiles by statsmodels are worth beside the running one."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.dataset import Dataset
from benchmarks.quality.read import read_dataset
from benchmarks.quality.table import aligned
from benchmarks.rows import Buckets, bucketed
from detector.forecasters.seasonal import Seasonal
from detector.timing import DAY_MS, WEEK_MS, Timing
from detector.view import View
from detector.warmstart import add_ticks, no_sums, start_from
from tocsin.nightly import nightly_fit

HISTORY_WEEKS = 4
DROP = 0.4  # share lost in the incidents that are put in
DROP_MS = 4 * 3_600_000
FALSE_A_WEEK = 0.5

PROFILES = (("running", None), ("fitted where better", 0.0), ("fitted always", -np.inf))  # name, least gain

Floats = NDArray[np.float64]


def run(rows: Buckets, every_days: int | None, least_gain: float = 0.0) -> tuple[Floats, int, int]:
    """(T, S) one-step errors after the history, fits tried, fits taken. `every_days` None: the running profile only."""
    timing, size = Timing(rows.step_ms), rows.x.shape[1]
    seasonal, everyone = Seasonal(timing), np.arange(size)
    state = seasonal.init(size)
    first = HISTORY_WEEKS * WEEK_MS // rows.step_ms
    sums = no_sums(timing, int(rows.t_ms[0]), int(rows.t_ms[first - 1]), size)
    add_ticks(sums, timing, rows.t_ms[:first], rows.x[:first], everyone)
    start_from(state, timing, sums, np.ones(size, bool), np.full(size, -1))
    errors = np.full(rows.x.shape, np.nan)
    scale = np.full(size, 0.1)
    tried = taken = 0
    for i in range(first, len(rows.t_ms)):
        t = int(rows.t_ms[i])
        if every_days is not None and t % (every_days * DAY_MS) == 0:
            for r in range(size):
                past = slice(i - first, i)
                fit = nightly_fit(rows.t_ms[past], rows.x[past, r], timing, state.season[:, r].astype(float))
                tried += fit is not None
                if fit is not None and fit.gain > least_gain:
                    taken += 1
                    state.season[:, r] = fit.season
        view = View(t, rows.lattice, rows.x[i].astype(np.float32), everyone)
        view.mu = seasonal.expect(state, view)
        view.missing = np.isnan(view.y)
        e = rows.x[i] - view.mu
        errors[i] = e
        with np.errstate(invalid="ignore"):
            rate = np.where(np.abs(e) > 5 * scale, 0.1, 1.0).astype(np.float32)
        seasonal.learn(state, view, rate, (scale**2).astype(np.float32))
        keep = timing.keep(5 * DAY_MS)
        move = np.where(np.isnan(e), 0, (1 - keep) * (np.minimum(np.nan_to_num(np.abs(e)), 3 * scale) - scale))
        scale = np.maximum(scale + move, 1e-4)
    return errors[first:], tried, taken


def log_score(errors: Floats, timing: Timing) -> float:
    """Mean log density a bucket, each row's variance smoothed over five days before it."""
    keep, out = timing.keep(5 * DAY_MS), []
    variance = np.full(errors.shape[1], 0.01)
    for i, e in enumerate(errors):
        if i * timing.interval_ms > 5 * DAY_MS:
            out.append(-0.5 * (np.log(2 * np.pi * variance) + e**2 / variance))
        bounded = np.minimum(e**2, 9 * variance)
        variance = np.where(np.isnan(e), variance, np.maximum(keep * variance + (1 - keep) * bounded, 1e-8))
    return float(np.nanmean(np.stack(out)))


def recall(errors: Floats, timing: Timing) -> float:
    """Of drops by `DROP` over `DROP_MS`, one a day and row, how many exceed what calm exceeds half a time a week."""
    n = max(1, DROP_MS // timing.interval_ms)
    found, all_ = 0, 0
    for e in errors.T:
        mean = np.convolve(np.nan_to_num(e), np.ones(n) / n, mode="valid")
        peaks = np.sort([block.min() for block in np.array_split(mean, max(1, len(mean) // n))])
        allowed = int(FALSE_A_WEEK * len(e) * timing.interval_ms / WEEK_MS)
        threshold = peaks[min(allowed, len(peaks) - 1)]
        starts = np.random.default_rng(0).integers(0, len(mean), len(e) * timing.interval_ms // DAY_MS)
        found += int((mean[starts] + np.log1p(-DROP) < threshold).sum())
        all_ += len(starts)
    return found / max(all_, 1)


def main(argv: Sequence[str] | None = None) -> int:
    """Prints one line a set and method."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nightly", description=__doc__)
    parser.add_argument("path", type=Path, nargs="+", help="folders as the quality benchmark reads them")
    parser.add_argument("--every", type=int, default=7, help="days between two fits; default 7, every night is 1")
    parser.add_argument("--weeks", type=int, default=20, help="watched after four weeks of history; default 20")
    parser.add_argument("--rows", type=int, default=12, help="most rows of a set; default 12")
    arguments = parser.parse_args(argv)
    lines = [["set", "rows", "profile", "log score", "mean |error|", f"recall of {DROP:.0%} drops", "fits", "taken"]]
    for path in arguments.path:
        dataset: Dataset = read_dataset(path)
        rows = bucketed(
            dataset, arguments.rows, (HISTORY_WEEKS + 2) * WEEK_MS, (HISTORY_WEEKS + arguments.weeks) * WEEK_MS
        )
        if rows is None:
            lines.append([path.name, "0", "no row of six weeks"])
            continue
        timing = Timing(rows.step_ms)
        for name, least in PROFILES:
            errors, tried, taken = run(rows, arguments.every if least is not None else None, least or 0.0)
            lines.append(
                [path.name, f"{rows.x.shape[1]}", name, f"{log_score(errors, timing):.4f}",
                 f"{np.nanmean(np.abs(errors)):.4f}", f"{recall(errors, timing):.3f}", f"{tried}", f"{taken}"]
            )  # fmt: skip
    print("\n".join(aligned(lines)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
