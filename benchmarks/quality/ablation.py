"""`python -m benchmarks.quality.ablation PATH --budget B`: what each part adds, switched off one at a time."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.quality import lattice, lone
from benchmarks.quality.dataset import Dataset, Detection
from benchmarks.quality.figures import measure, measure_grid
from benchmarks.quality.layout import detect_layout
from benchmarks.quality.read import read_dataset
from benchmarks.quality.record import Metrics, Record, metrics, write
from benchmarks.quality.sample import sampled
from benchmarks.quality.switches import CALENDAR, EXCUSED_GRID, EXCUSED_LONE, GRID, LONE, Switch
from benchmarks.quality.table import aligned
from benchmarks.quality.truth import read_grid_truth, read_truth
from detector.errors import ConfigError, DataError, TocsinError

FULL = "full"
HEAD = ("without", "recall", "false/week", "sweep", "recall ±", "false ±", "sweep ±")


@dataclass(frozen=True, slots=True)
class Ablation:
    """Figures of the whole and of each run without a part; `excused`: parts with no run, and why."""

    budget: float
    figures: dict[str, Metrics]
    excused: dict[str, str]

    @property
    def sweep(self) -> str:
        return f"sweep@{self.budget:g}"


def ablate(dataset: Dataset, budget: float, only: Sequence[str] = ()) -> Ablation:
    """Runs the whole, then once without each part (of `only`, if given) on the same data and budget."""
    table, excused = parts(dataset)
    unknown = [name for name in only if name not in table]
    if unknown:
        raise ConfigError(f"--only: expected one of {', '.join(table)}, found '{unknown[0]}'")
    figures = {FULL: _figures(dataset, budget, None)}
    for name, switch in table.items():
        if only and name not in only:
            continue
        data = replace(dataset, calendar_csv=None) if name == CALENDAR else dataset
        figures[name] = _figures(data, budget, switch)
    return Ablation(budget, figures, excused)


def parts(dataset: Dataset) -> tuple[dict[str, Switch | None], dict[str, str]]:
    """The parts that can be switched off for this layout, and those excused, with reasons."""
    grid = dataset.layout == "grid"
    switches: Mapping[str, Switch] = GRID if grid else LONE
    table: dict[str, Switch | None] = dict(switches)
    excused = dict(EXCUSED_GRID if grid else EXCUSED_LONE)
    if dataset.calendar_csv is not None:
        table[CALENDAR] = None
    else:
        excused[CALENDAR] = "this set has none"
    return table, excused


def _figures(dataset: Dataset, budget: float, switch: Switch | None) -> Metrics:
    if dataset.layout == "grid":
        of_grid = read_grid_truth(dataset)
        if of_grid is None:
            raise DataError(f"{dataset.path}: expected truth beside the data, found none")
        return metrics(measure_grid(dataset, lattice.detect(dataset, budget, switch), of_grid, budget), 0, 0.0)
    truth = read_truth(dataset)
    if truth is None:
        raise DataError(f"{dataset.path}: expected truth beside the data, found none")
    said: Detection = lone.detect(dataset, budget, switch)
    return metrics(measure(dataset, said, truth, budget), 0, 0.0)


def lines(found: Ablation) -> list[str]:
    """The table: the whole first, then what is left without each part, and the differences to the whole."""
    names = ("recall", "false_per_week", found.sweep)
    whole = found.figures[FULL]
    body = []
    for part, figures in found.figures.items():
        differences = ["" if part == FULL else _text(_minus(figures[n], whole[n]), "+") for n in names]
        body.append([part if part == FULL else f"- {part}", *(_text(figures[n]) for n in names), *differences])
    out = aligned([HEAD, *body])
    return [*out, *(f"excused: {name}: {reason}" for name, reason in found.excused.items())]


def _minus(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def _text(value: float | None, sign: str = "") -> str:
    return "-" if value is None else f"{value:{sign}.3f}"


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        if detect_layout(arguments.path).layout == "cells":
            raise ConfigError(f"{arguments.path}: expected series or a grid, found cells: they only go to localisation")
        dataset = read_dataset(arguments.path, arguments.history)
        if arguments.sample:
            dataset = sampled(dataset, arguments.sample)
        found = ablate(dataset, arguments.budget, arguments.only)
    except TocsinError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    name = arguments.path.resolve().name
    print(f"{name}: budget {arguments.budget:g} false pages a week; ± to the whole; sweep@{arguments.budget:g}")
    print("\n".join(lines(found)))
    if arguments.json is not None:
        command = shlex.join(["python", "-m", "benchmarks.quality.ablation", *(sys.argv[1:] if argv is None else argv)])
        write(arguments.json, [Record(f"{name} ablation", command, arguments.budget, found.figures, found.excused)])
    return 0


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above zero, found '{text}'")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality.ablation", description="What each part of the engine adds on a set of data."
    )
    parser.add_argument("path", type=Path, help="folder with truth, of one of the layouts long, single, wide, grid")
    parser.add_argument("--budget", type=_positive, required=True, help="as of benchmarks.quality")
    parser.add_argument("--history", type=Path, help="as of benchmarks.quality")
    parser.add_argument("--only", action="append", default=[], metavar="PART", help="one part; repeatable")
    parser.add_argument("--sample", type=int, metavar="N", help="as of benchmarks.quality")
    parser.add_argument("--json", type=Path, metavar="FILE", help="figures of every run")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
