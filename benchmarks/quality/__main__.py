"""`python -m benchmarks.quality PATH --out DIR --budget B`: see docs/reference/quality-benchmark.md."""

from __future__ import annotations

import argparse
import math
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.quality.cells import localise_cases
from benchmarks.quality.consistency import consistency_lines
from benchmarks.quality.dataset import Dataset, Detection
from benchmarks.quality.figures import Figures, measure, measure_cells, measure_grid
from benchmarks.quality.layout import Found, detect_layout
from benchmarks.quality.nab_score import nab_scores
from benchmarks.quality.peers.harness import MissingPeerError
from benchmarks.quality.read import read_dataset
from benchmarks.quality.record import Metrics, Record, metrics, plain_numbers, write
from benchmarks.quality.run import DEFAULT, GROUPS, METHODS, PEERS, detect, rows
from benchmarks.quality.sample import sampled
from benchmarks.quality.side_by_side import cores
from benchmarks.quality.table import cells_table, table
from benchmarks.quality.truth import read_causes, read_grid_truth, read_truth
from benchmarks.quality.write import write_blames, write_pages, write_scores
from detector.errors import ConfigError, StorageError, TocsinError


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark on one folder; returns the exit code."""
    arguments = _parser().parse_args(argv)
    arguments.command = shlex.join(["python", "-m", "benchmarks.quality", *(sys.argv[1:] if argv is None else argv)])
    try:
        _make(arguments.out)
        found = detect_layout(arguments.path)
        if found.layout == "cells":
            _run_cells(found, arguments)
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
    begun = time.monotonic()
    dataset = read_dataset(arguments.path, arguments.history)
    read_seconds = time.monotonic() - begun
    for note in dataset.notes:
        print(f"note: {note}", file=sys.stderr)
    if arguments.sample is not None:
        dataset = sampled(dataset, arguments.sample)
        print(f"note: {dataset.notes[-1]}" if dataset.notes else "note: sample: the whole set", file=sys.stderr)
    said: dict[str, Detection] = {}
    seconds: dict[str, float] = {}
    missing: dict[str, str] = {}
    points = sum(int((panel.y == panel.y).sum()) for panel in dataset.panels)
    for method in rows(dataset.layout, arguments.method, arguments.peer or PEERS):
        begun = time.monotonic()
        try:
            said[method] = detect(dataset, arguments.budget, method, arguments.jobs)
        except MissingPeerError as error:
            if method == arguments.method:
                raise
            missing[method] = str(error)
            print(f"note: {error}", file=sys.stderr)
            continue
        seconds[method] = time.monotonic() - begun
        print(f"note: {method}: {_pace(points, seconds[method])}", file=sys.stderr)
    own = said[arguments.method]
    write_pages(arguments.out / "pages.csv", dataset, own)
    write_scores(arguments.out / "scores.csv.gz", dataset, own)
    figures = _figures(dataset, said, arguments.budget)
    by_method = {m: metrics(f, points, seconds[m]) for m, f in figures.items()}
    nab = _nab(dataset, said)
    for method, profiles in nab.items():
        by_method[method] |= plain_numbers({f"nab_{name}": value for name, value in profiles.items()})
    classes = {m: f.worst_class[0] for m, f in figures.items() if f.worst_class}
    _write_json(arguments, dataset.path, arguments.budget, by_method, missing, classes)
    lines = [table(dataset, figures), *(f"{m}: missing: {reason}" for m, reason in missing.items())] if figures else []
    lines += consistency_lines(dataset, said) if figures else []
    pace = f"{arguments.method}: {_pace(points, seconds[arguments.method])}, read in {read_seconds:.1f} s"
    lines += [pace] if figures else []
    lines += [f"{m}: NAB " + ", ".join(f"{k} {v:.1f}" for k, v in profiles.items()) for m, profiles in nab.items()]
    _report("\n".join(lines), arguments.out, f"{len(own.pages)} pages; no truth beside the data, so no figures\n{pace}")


def _pace(points: int, seconds: float) -> str:
    return f"{points} points in {seconds:.1f} s, {points / max(seconds, 1e-3):,.0f} a second"


def _figures(dataset: Dataset, said: dict[str, Detection], budget: float) -> dict[str, Figures]:
    """Of each method, where truth lies beside the data; it is opened only here."""
    if dataset.layout == "grid":
        grid = read_grid_truth(dataset)
        return {m: measure_grid(dataset, d, grid, budget) for m, d in said.items()} if grid else {}
    truth = read_truth(dataset)
    return {m: measure(dataset, d, truth, budget) for m, d in said.items()} if truth else {}


def _nab(dataset: Dataset, said: dict[str, Detection]) -> dict[str, dict[str, float]]:
    """NAB's three profiles of each method's pages, where the truth is windows as NAB's are."""
    truth = None if dataset.layout == "grid" else read_truth(dataset)
    return {m: nab_scores(dataset, d, truth) for m, d in said.items()} if truth and truth.windows else {}


def _run_cells(found: Found, arguments: argparse.Namespace) -> None:
    out: Path = arguments.out
    blames = localise_cases(found)
    write_blames(out / "pages.csv", blames)
    causes = read_causes(found.file.parent)
    name = found.file.parent.resolve().name
    figures = measure_cells(blames, causes) if causes else {}
    _write_json(arguments, found.file.parent, 0.0, {DEFAULT: plain_numbers(figures)} if figures else {}, {}, {})
    _report(
        cells_table(name, figures) if figures else "",
        out,
        f"{len(blames)} cases; no truth beside the data, so no figures",
    )


def _write_json(
    arguments: argparse.Namespace,
    path: Path,
    budget: float,
    methods: dict[str, Metrics],
    missing: dict[str, str],
    classes: dict[str, str],
) -> None:
    if arguments.json is not None:
        name = path.resolve().name + (f" (sample {arguments.sample})" if arguments.sample else "")
        write(arguments.json, [Record(name, arguments.command, budget, methods, missing, classes)])


def _report(text: str, out: Path, otherwise: str) -> None:
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


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a whole number above zero, found '{text}'")
    return int(text)


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
        "--peer",
        choices=[*sorted(METHODS), *GROUPS],
        action="append",
        help="shown beside it; repeatable; `fast` and `all` stand for several; default: plain",
    )
    parser.add_argument(
        "--sample", type=_count, metavar="N", help="whole series drawn with a fixed seed, N values at most, for all"
    )
    parser.add_argument(
        "--jobs", type=_count, default=cores(), metavar="N", help="processes that panels are judged in; default: cores"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures of all methods, for compare")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
