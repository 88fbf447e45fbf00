"""The command: which rows, how often, and what the exit code says."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec

from benchmarks.speed.rounds import Disagreement
from benchmarks.speed.rows import ROWS, Answer, Setting

NEEDS_RIVER = ("row2", "row3", "row4", "whole")


def main(argv: Sequence[str] | None = None) -> int:
    """0: all bars hold; 1: one fails, or a run was void; 2: usage, or a library is missing."""
    options = _parser().parse_args(argv)
    if options.what == ["profile"]:
        from benchmarks.speed.profile import profile

        profile(options.rows or 100_000, options.ticks, options.least_share, with_witness=options.witness)
        return 0
    chosen = options.what or list(ROWS)
    unknown = [name for name in chosen if name not in ROWS]
    if unknown:
        print(f"error: row: expected profile or some of {', '.join(ROWS)}, got {unknown[0]!r}", file=sys.stderr)
        return 2
    if find_spec("river") is None:
        without = [name for name in chosen if name in NEEDS_RIVER]
        if without:
            print(f"error: {', '.join(without)}: river is not installed; pip install 'tocsin[models]'", file=sys.stderr)
        if options.what and without:
            return 2
        chosen = [name for name in chosen if name not in NEEDS_RIVER]
    return run_rows({name: ROWS[name] for name in chosen}, Setting(options.rounds, options.rows), options.retries)


def run_rows(rows: Mapping[str, Callable[[Setting], Answer]], setting: Setting, retries: int) -> int:
    """Runs one row after the other; a void run is repeated up to `retries` times. Prints all verdicts at the end."""
    verdicts: list[str] = []
    code = 0
    for name, row in rows.items():
        print(f"{name}: {row.__doc__}", flush=True)
        try:
            answer = row(setting)
            for _ in range(retries):
                if not answer.is_void:
                    break
                print("  the triad moved by more than 20 %: the run is void, again")
                answer = row(setting)
        except Disagreement as error:
            print(f"error: the sides do not answer alike: {error}", file=sys.stderr)
            verdicts.append(f"{name}: no figure, the sides do not answer alike")
            code = 1
            continue
        verdicts += [f"{result}{'  (void)' if answer.is_void else ''}" for result in answer.results]
        if answer.is_void or any(result.holds is False for result in answer.results):
            code = 1
        print(flush=True)
    print("\n".join(verdicts))
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed",
        description="Measures the bars of docs/reference/speed-benchmark.md; without an argument all of them.",
    )
    parser.add_argument("what", nargs="*", metavar="ROW", help=f"profile, or some of {', '.join(ROWS)}")
    parser.add_argument("--rounds", type=_positive, default=5, help="rounds of each comparison (default 5)")
    parser.add_argument("--retries", type=int, default=1, help="times that a void run is repeated (default 1)")
    parser.add_argument("--rows", type=_positive, help="size of our side instead of that of the bar, for a quick look")
    parser.add_argument("--ticks", type=_positive, default=30, help="profile: ticks measured")
    parser.add_argument("--least-share", type=float, default=0.005, help="profile: share of the step worth a line")
    parser.add_argument("--witness", action="store_true", help="profile: with an independent metric a region")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, got {text}")
    return value
