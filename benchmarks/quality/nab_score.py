"""The score of the Numenta Anomaly Benchmark, over openings of pages (Lavin & Ahmad 2015, "Evaluating real-time anomaly
detection algorithms", section III; what its text leaves open follows the benchmark's published rules, version 1.1).

`python -m benchmarks.quality.nab_score --pages DIR/pages.csv PATH` prints three figures: 0 is who never speaks, 100 who
speaks at the first row of every window and nowhere else.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.csvfile import read_columns
from benchmarks.quality.dataset import Dataset, Detection
from benchmarks.quality.read import read_dataset
from benchmarks.quality.truth import Truth, read_truth
from detector.errors import DataError, TocsinError

PROFILES = {"standard": (1.0, 0.11, 1.0), "low_fp": (1.0, 0.22, 1.0), "low_fn": (1.0, 0.11, 2.0)}  # weights TP, FP, FN
PROBATION = 0.15  # of a series' rows, of 5,000 rows at most: neither windows nor openings count there
PROBATION_ROWS = 5000
FAR = 3.0  # window lengths after which a false opening costs the whole weight

Windows = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of one series of `rows` rows: openings (row, strength) and windows, first and last row of each."""

    rows: int
    windows: Windows
    opens: NDArray[np.int64]  # (N,)
    strength: NDArray[np.float64]  # (N,) the larger the surer


def nab_scores(dataset: Dataset, detection: Detection, truth: Truth) -> dict[str, float]:
    """The three profiles' scores of the pages that were not held; `truth` holds the windows."""
    pages = [
        (dataset.panels[q.panel].units[q.unit].name, dataset.panels[q.panel], q) for q in detection.pages
        if not q.suppressed
    ]  # fmt: skip
    opened: dict[str, list[tuple[int, float]]] = {}
    for name, panel, q in pages:
        stamp = int(panel.clock.parse(panel.time_texts(q.unit, np.array([q.open])), dataset.path)[0])
        opened.setdefault(name, []).append((stamp, q.p))
    return score(_said(dataset, truth, opened))


def score(said: Sequence[Said]) -> dict[str, float]:
    """Of all series with one threshold, the best for each profile."""
    return {name: _profile(said, *weights) for name, weights in PROFILES.items()}


def _profile(said: Sequence[Said], hit: float, false: float, miss: float) -> float:
    """100 (best - null) / (perfect - null)."""
    worth, strengths, window = [], [], []
    known, counted = 0, 0
    for one in said:
        begin = min(int(PROBATION * one.rows), int(PROBATION * PROBATION_ROWS))
        for row, strength in zip(one.opens.tolist(), one.strength.tolist(), strict=True):
            if row < begin:
                continue
            inside = next((k for k, (a, b) in enumerate(one.windows) if a <= row <= b), -1)
            worth.append(_worth(row, one.windows, hit, false))
            strengths.append(strength)
            window.append(known + inside if inside >= 0 else -1)
        counted += sum(last >= begin for _, last in one.windows)
        known += len(one.windows)
    null, perfect = -miss * counted, hit * known
    if perfect == null:
        return float("nan")
    best = total = null
    reached: dict[int, float] = {}
    order = np.argsort(-np.array(strengths), kind="stable")
    for n, i in enumerate(order.tolist()):
        if window[i] < 0:
            total += worth[i]
        elif worth[i] > reached.get(window[i], -miss):
            total += worth[i] - reached.get(window[i], -miss)
            reached[window[i]] = worth[i]
        last = n + 1 == len(order) or strengths[order[n + 1]] != strengths[i]
        best = max(best, total) if last else best
    return 100 * (best - null) / (perfect - null)


def _worth(row: int, windows: Windows, hit: float, false: float) -> float:
    """In a window by how early, 1 at its first row; behind one by how far, before the first one all of the weight."""
    for first, last in windows:
        if first <= row <= last:
            return hit * _sigmoid(-(last - row + 1) / (last - first + 1)) / _sigmoid(-1)
    before = [(first, last) for first, last in windows if last < row]
    if not before:
        return -false
    first, last = before[-1]
    return false * _sigmoid((row - last) / max(last - first, 1))


def _sigmoid(position: float) -> float:
    """2 / (1 + exp(5 x)) - 1; -1 beyond `FAR`."""
    return -1.0 if position > FAR else float(2 / (1 + np.exp(5 * position)) - 1)


def _said(dataset: Dataset, truth: Truth, opened: dict[str, list[tuple[int, float]]]) -> list[Said]:
    out = []
    for panel in dataset.panels:
        for unit in panel.units:
            stamps = panel.clock.parse([panel.texts[code] for code in unit.texts.tolist()], dataset.path)
            mine = sorted(opened.get(unit.name, []))
            at = np.searchsorted(stamps, np.array([t for t, _ in mine], np.int64))
            windows = [
                (int(np.searchsorted(stamps, a)), int(np.searchsorted(stamps, b, side="right")) - 1)
                for a, b in truth.incidents.get(unit.name, [])
            ]
            strength = np.array([-np.log10(max(p, 1e-300)) for _, p in mine])
            out.append(Said(len(stamps), windows, np.minimum(at, len(stamps) - 1), strength))
    return out


def _read_pages(file: Path, dataset: Dataset) -> dict[str, list[tuple[int, float]]]:
    columns = read_columns(file, ("series_id", "open"), ("p", "suppressed"))
    stamps = dataset.panels[0].clock.parse([columns.text["open"].row(i) for i in range(columns.length)], file)
    out: dict[str, list[tuple[int, float]]] = {}
    for i, t in enumerate(stamps.tolist()):
        if not columns.number["suppressed"][i]:
            out.setdefault(columns.text["series_id"].row(i), []).append((t, float(columns.number["p"][i])))
    return out


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the three figures; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality.nab_score", description=__doc__)
    parser.add_argument("path", type=Path, help="folder of a long set with windows in labels.csv")
    parser.add_argument("--pages", type=Path, required=True, help="pages.csv of benchmarks.quality")
    arguments = parser.parse_args(argv)
    try:
        dataset = read_dataset(arguments.path, None)
        truth = read_truth(dataset)
        if truth is None:
            raise DataError(f"{arguments.path}: expected labels.csv with windows, found none")
        found = score(_said(dataset, truth, _read_pages(arguments.pages, dataset)))
    except TocsinError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    for name, value in found.items():
        print(f"{name}  {value:.2f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
