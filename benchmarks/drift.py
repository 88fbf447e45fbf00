"""`python -m benchmarks.drift`: river's drift detectors on residuals of roll-ups whose level or shape changes."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from river import drift

from benchmarks.quality.read import read_dataset
from benchmarks.quality.table import aligned
from benchmarks.rows import bucketed
from detector.forecasters.seasonal import Seasonal
from detector.frame import Bools
from detector.schema import MINUTE_MS, Metric, Schema
from detector.series import SeriesIndex
from detector.timing import DAY_MS, WEEK_MS, Timing
from detector.view import View
from detector.warmstart import add_ticks, no_sums, start_from

STEP_MS = 30 * MINUTE_MS
A_DAY, A_WEEK = DAY_MS // STEP_MS, WEEK_MS // STEP_MS
HISTORY, CHANGE, END = 4 * A_WEEK, 8 * A_WEEK + 2 * A_DAY + 20, 12 * A_WEEK
START_MS = 1_767_571_200_000  # a Monday
KINDS = ("calm", "level -10 %", "level +25 %", "peak two hours later", "weekends as weekdays")
MODEL_SD = (0.02, 0.04)  # of the noise, and share that it keeps from one bucket to the next
KEPT = 0.7

Floats = NDArray[np.float64]
Make = Callable[[], Any]
DETECTORS: dict[str, tuple[Make, str]] = {
    "ADWIN 0.002, residual": (lambda: drift.ADWIN(delta=0.002), "residual"),
    "ADWIN 1e-6, residual": (lambda: drift.ADWIN(delta=1e-6), "residual"),
    "ADWIN 1e-6, size": (lambda: drift.ADWIN(delta=1e-6), "size"),
    "PageHinkley 50, residual": (lambda: drift.PageHinkley(min_instances=48, delta=0.1, threshold=50), "residual"),
    "PageHinkley 100, size": (lambda: drift.PageHinkley(min_instances=48, delta=0.1, threshold=100), "size"),
    "KSWIN 1e-6, residual": (lambda: drift.KSWIN(alpha=1e-6, window_size=384, stat_size=96, seed=1), "residual"),
    "KSWIN 1e-6, size": (lambda: drift.KSWIN(alpha=1e-6, window_size=384, stat_size=96, seed=1), "size"),
}


class Result(NamedTuple):
    errors: Floats  # (T, S) from the end of the history on, on the log scale
    alarms: list[list[int]]  # (S,) ticks since the end of the history


def streams(each: int, seed: int) -> tuple[Floats, list[str]]:
    """(T, S) log values of half-hours: roll-ups with a day's and a week's shape, noise that lasts for hours."""
    rng = np.random.default_rng(seed)
    names = [kind for kind in KINDS for _ in range(each)]
    t = np.arange(END)
    x = np.zeros((END, len(names)))
    for s, kind in enumerate(names):
        phase, high, weekend = rng.uniform(0, A_DAY), rng.uniform(0.3, 0.7), rng.uniform(0.15, 0.3)
        changed = t >= CHANGE
        late = np.where(changed & (kind == "peak two hours later"), 4, 0)
        x[:, s] = high * np.sin(2 * np.pi * (t - phase - late) / A_DAY)
        x[:, s] += 0.3 * high * np.sin(4 * np.pi * (t - 1.7 * phase - late) / A_DAY)
        is_weekend = (t // A_DAY % 7 >= 5) & ~(changed & (kind == "weekends as weekdays"))
        x[:, s] += np.where(is_weekend, weekend, 0)
        by = {"level -10 %": np.log(0.9), "level +25 %": np.log(1.25)}.get(kind, 0.0)
        x[:, s] += np.where(changed, by, 0)
        noise, sd = rng.standard_normal(END), rng.uniform(*MODEL_SD)
        for i in range(1, END):
            noise[i] = KEPT * noise[i - 1] + (1 - KEPT**2) ** 0.5 * noise[i]
        x[:, s] += sd * noise
    return x, names


def run(
    x: Floats, make: Make | None, of: str, oracle: Bools | None = None, *, step_ms: int = STEP_MS,
    start_ms: int = START_MS,
) -> Result:  # fmt: skip
    """The seasonal forecaster of the engine over x; where a detector speaks the row's first week begins anew.

    `oracle` (S,): rows that are told the change a day after it.
    """
    # a detector that has spoken is not heard again for three days
    timing, size, end, first = Timing(step_ms), x.shape[1], len(x), 4 * WEEK_MS // step_ms
    a_day, rest = DAY_MS // step_ms, 3 * DAY_MS // step_ms
    seasonal, everyone = Seasonal(timing), np.arange(size)
    state = seasonal.init(size)
    t_ms = start_ms + step_ms * np.arange(end, dtype=np.int64)
    sums = no_sums(timing, int(t_ms[0]), int(t_ms[first - 1]), size)
    add_ticks(sums, timing, t_ms[:first], x[:first], everyone)
    start_from(state, timing, sums, np.ones(size, bool), np.full(size, -1))
    schema = Schema(dimensions=(), metrics=tuple(Metric(f"m{i}") for i in range(size)), place=None)
    index = SeriesIndex(schema)
    index.admit([(m.name,) for m in schema.metrics])
    detectors = [make() for _ in range(size)] if make is not None else []
    alarms: list[list[int]] = [[] for _ in range(size)]
    scale, errors = np.full(size, 0.04), np.zeros((end - first, size))
    keep, hot_run = timing.keep(5 * DAY_MS), np.zeros(size)
    for i in range(first, end):
        view = View(int(t_ms[i]), index.lattice(), x[i].astype(np.float32), everyone)
        view.mu = seasonal.expect(state, view)
        view.missing = np.isnan(x[i])
        errors[i - first] = x[i] - view.mu
        e = np.nan_to_num(errors[i - first])
        hot = np.abs(e) > 5 * scale
        rate = np.where(hot, 0.1, 1.0).astype(np.float32)
        hot_run = np.where(hot, hot_run + 1, np.maximum(hot_run - 2, 0))
        for s in np.flatnonzero(hot_run > a_day):  # the engine's freeze limit
            seasonal.shift(
                state, np.array([s]), np.nan_to_num(errors[i - first - 2 : i - first + 1, s]).mean(keepdims=True)
            )
            hot_run[s] = 0
        seasonal.learn(state, view, rate, (scale**2).astype(np.float32))
        z = np.clip(e / scale, -5, 5)
        heard = z if of == "residual" else np.abs(z)
        scale += (1 - keep) * (np.minimum(np.abs(e), 3 * scale) - scale)
        anew = list(np.flatnonzero(oracle)) if oracle is not None and i == CHANGE + A_DAY else []
        for s, detector in enumerate(detectors):
            if view.missing[s]:
                continue
            detector.update(float(heard[s]))
            if detector.drift_detected and (not alarms[s] or i - first - alarms[s][-1] > rest):
                alarms[s].append(i - first)
                anew.append(s)
        for s in anew:
            state.seen[s] = 2 * a_day  # as on its third day: all days alike, a plain mean
    return Result(errors, alarms)


def log_scores(errors: Floats, calm: Floats) -> Floats:
    """(T, S) log density under the spread of the calm weeks before."""
    return student(errors, np.std(calm, axis=0))


def student(errors: Floats, scale: Floats) -> Floats:
    """(T, S) log density of Student's t with 4 degrees of freedom (Gosset 1908): one bad bucket does not decide."""
    out: Floats = np.log(0.375 / scale) - 2.5 * np.log1p((errors / scale) ** 2 / 4)
    return out


def on_set(path: Path, weeks: int, most: int) -> list[list[str]]:
    """Lines of one set: mean log score of each detector's relearning less that of nobody, and its alarms."""
    rows = bucketed(read_dataset(path), most, 6 * WEEK_MS, (4 + weeks) * WEEK_MS)
    if rows is None:
        return [[path.name, "no row of six weeks"]]
    out, base, calm = [], np.zeros(0), np.zeros(0)
    for name, (make, of) in {"nobody": (None, ""), **DETECTORS}.items():
        result = run(rows.x, make, of, step_ms=rows.step_ms, start_ms=int(rows.t_ms[0]))
        calm = np.nanmedian(np.abs(result.errors), axis=0) / 0.6745 if make is None else calm
        scores = np.nanmean(student(result.errors, calm), axis=0)
        base = scores if make is None else base
        n = sum(map(len, result.alarms)) / (len(result.alarms) * len(result.errors) * rows.step_ms / WEEK_MS)
        out.append(
            [path.name, name, f"{n:.3f}", f"{scores.mean():.3f}" if make is None else f"{(scores - base).mean():+.3f}"]
        )
    return out


def main(argv: Sequence[str] | None = None) -> int:
    """Two tables: delays and false alarms; the mean log score of the week after the change."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift", description=__doc__)
    parser.add_argument("--rows", type=int, default=8, help="of each kind of change; default 8")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--on", type=Path, nargs="+", help="folders as the quality benchmark reads them, instead")
    parser.add_argument("--weeks", type=int, default=16, help="of a folder, after four of history; default 16")
    arguments = parser.parse_args(argv)
    if arguments.on:
        lines = [["set", "relearn when told by", "alarms a series-week", "log score"]]
        for path in arguments.on:
            lines += on_set(path, arguments.weeks, arguments.rows)
        print("\n".join(aligned(lines)))
        return 0
    x, names = streams(arguments.rows, arguments.seed)
    kind = np.array(names)
    at = CHANGE - HISTORY
    plain = run(x, None, "")
    calm_part = plain.errors[A_WEEK:at]
    heads = ["method", "false alarms a series-week", *(f"{k}: found, delay h" for k in KINDS[1:])]
    delays, worth = [heads], [["relearn when told by", *(f"{k}" for k in KINDS)]]
    base = log_scores(plain.errors, calm_part)

    def row(name: str, result: Result) -> list[str]:
        scores = log_scores(result.errors, calm_part) - base
        week = scores[at + A_DAY : at + A_DAY + A_WEEK].mean(axis=0)
        all_ = scores[A_WEEK:].mean(axis=0)
        return [name, *(f"{(all_ if k == 'calm' else week)[kind == k].mean():+.3f}" for k in KINDS)]

    worth.append(
        ["nobody (log score)", *(f"{base[at + A_DAY : at + A_DAY + A_WEEK, kind == k].mean():.3f}" for k in KINDS)]
    )
    worth.append(row("truth, a day later", run(x, None, "", kind != "calm")))
    for name, (make, of) in DETECTORS.items():
        result = run(x, make, of)
        before = sum(sum(A_WEEK <= a < at for a in mine) for mine in result.alarms)
        cells = [name, f"{before / (len(names) * (at - A_WEEK) / A_WEEK):.3f}"]
        for k in KINDS[1:]:
            first = [
                next((a - at for a in result.alarms[s] if 0 <= a - at < 2 * A_WEEK), None)
                for s in np.flatnonzero(kind == k)
            ]
            found = [d / 2 for d in first if d is not None]
            cells.append(f"{len(found)} of {len(first)}, {np.median(found):.0f}" if found else f"0 of {len(first)}")
        delays.append(cells)
        worth.append(row(name, result))
    print(f"{arguments.rows} rows of each kind, {(END - HISTORY) // A_WEEK} weeks, one change; found within two weeks")
    print("\n".join(aligned(delays)))
    print("\nlog score a half-hour in the week from a day after the change, less that of nobody (calm: all weeks)")
    print("\n".join(aligned(worth)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
