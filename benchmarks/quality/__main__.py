"""`python -m benchmarks.quality PATH --out DIR --budget B`: see docs/reference/quality-benchmark.md."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.quality.cells import localise_cases
from benchmarks.quality.figures import Figures, measure, measure_cells, measure_grid
from benchmarks.quality.layout import Found, detect_layout
from benchmarks.quality.read import read_dataset
from benchmarks.quality.run import DEFAULT, METHODS, PEERS, detect
from benchmarks.quality.table import cells_table, table
from benchmarks.quality.truth import read_causes, read_grid_truth, read_truth
from benchmarks.quality.write import write_blames, write_pages, write_scores
from detector.errors import ConfigError, StorageError, TocsinError


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark on one folder; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        _make(arguments.out)
        found = detect_layout(arguments.path)
        if found.layout == "cells":
            _run_cells(found, arguments.out)
        else:
            _run_series(arguments)
    except TocsinError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return StorageError.exit_code
    return 0


def _run_series(arguments: argparse.Namespace) -> None:
    if arguments.budget is None:
        raise ConfigError("--budget: expected false pages per series-week (grids: per service-week), found nothing")
    dataset = read_dataset(arguments.path, arguments.history)
    for note in dataset.notes:
        print(f"note: {note}", file=sys.stderr)
    said = {}
    for method in dict.fromkeys((arguments.method, *(PEERS if arguments.peer is None else arguments.peer))):
        begun = time.monotonic()
        said[method] = detect(dataset, arguments.budget, method)
        points = sum(int((panel.y == panel.y).sum()) for panel in dataset.panels)
        print(f"note: {method}: {points} points in {time.monotonic() - begun:.1f} s", file=sys.stderr)
    own = said[arguments.method]
    write_pages(arguments.out / "pages.csv", dataset, own)
    write_scores(arguments.out / "scores.csv.gz", dataset, own)
    if dataset.layout == "grid":
        grid = read_grid_truth(dataset)
        rows = {m: measure_grid(dataset, d, grid, arguments.budget) for m, d in said.items()} if grid else {}
    else:
        truth = read_truth(dataset)
        rows = {m: measure(dataset, d, truth, arguments.budget) for m, d in said.items()} if truth else {}
    _report(
        rows and table(dataset, rows), arguments.out, f"{len(own.pages)} pages; no truth beside the data, so no figures"
    )


def _run_cells(found: Found, out: Path) -> None:
    blames = localise_cases(found)
    write_blames(out / "pages.csv", blames)
    causes = read_causes(found.file.parent)
    name = found.file.parent.resolve().name
    text = cells_table(name, measure_cells(blames, causes)) if causes else ""
    _report(text, out, f"{len(blames)} cases; no truth beside the data, so no figures")


def _report(text: str | dict[str, Figures], out: Path, otherwise: str) -> None:
    print(text or otherwise)
    (out / "table.txt").write_text(f"{text or otherwise}\n", encoding="utf-8")


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"--out {out}: expected a folder that can be written: {error}") from error


def _budget(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not value > 0 or math.isinf(value):
        raise argparse.ArgumentTypeError(f"expected a number above zero, found '{text}'")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality",
        description="Judges a folder of data causally; prints figures where truth is there.",
    )
    parser.add_argument("path", type=Path, help="folder of one of the layouts long, single, wide, grid, cells")
    parser.add_argument("--out", type=Path, required=True, help="folder for pages.csv and scores.csv.gz")
    parser.add_argument("--budget", type=_budget, help="false pages per series-week; grids: per service-week")
    parser.add_argument("--history", type=Path, help="folder of earlier data of the same layout")
    parser.add_argument("--method", choices=sorted(METHODS), default=DEFAULT, help="whose pages are written")
    parser.add_argument(
        "--peer", choices=sorted(METHODS), action="append", help="shown beside it; repeatable; default: plain"
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
