"""`python -m benchmarks.quality.world --seed 7`: a simulated world, judged; see docs/reference/quality-benchmark.md."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.quality.record import Record, write
from benchmarks.quality.world_figures import by_size, held_by, metrics, recall_by, table
from benchmarks.quality.world_run import MAGNITUDE_LEVELS, Service, scenario
from connectors.simulation.matching import Page

MOST_WEEKS = 5.0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one scenario and prints its table; returns the exit code."""
    arguments = _parser().parse_args(argv)
    of = scenario(arguments.seed, arguments.weeks, arguments.small)
    service = Service(of, _progress if sys.stderr.isatty() else lambda what, done, all_: None)
    own = service.run(arguments.budget)
    rows: dict[str, list[Page]] = {"tocsin": own.told(), "no suppressors": own.unheld()}
    if arguments.peers:
        peer = service.run(arguments.budget, magnitude=min(MAGNITUDE_LEVELS))
        rows |= {f"magnitude ≥ {level:g}": peer.louder(level) for level in MAGNITUDE_LEVELS}
    days = (of.until_ms - of.from_ms) / 86_400_000
    print(f"{of.name}: {days:g} days, promised {arguments.budget:g} false pages per 1000 series-weeks; delays in ticks")
    print(table(of, rows, arguments.budget))
    print(f"found by kind: {recall_by(of, own.told(), lambda incident: incident.plan.kind)}")
    print(f"found by share lost: {recall_by(of, own.told(), by_size)}")
    print(f"held: {held_by(own)}")
    if arguments.json is not None:
        command = shlex.join(["python", "-m", "benchmarks.quality.world", *(sys.argv[1:] if argv is None else argv)])
        figures = {name: metrics(of, pages, arguments.budget) for name, pages in rows.items()}
        write(arguments.json, [Record(of.name, command, arguments.budget, figures)])
    print(f"threshold at the end of each day: {', '.join(f'{x:.2f}' for x in own.thresholds)}")
    return 0


def _progress(what: str, done: int, all_: int) -> None:
    print(f"\r{what}: {done} of {all_} ticks", end="\n" if done == all_ else "", file=sys.stderr, flush=True)


def _number(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above zero, found '{text}'")
    return value


def _weeks(text: str) -> float:
    value = _number(text)
    if value > MOST_WEEKS:
        raise argparse.ArgumentTypeError(f"expected at most {MOST_WEEKS:g} weeks, found '{text}'")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality.world", description="Judges a simulated world, whose truth is known."
    )
    parser.add_argument("--seed", type=int, default=7, help="of the world; default 7")
    parser.add_argument("--weeks", type=_weeks, default=1.0, help="scored after four weeks of history; default 1")
    parser.add_argument("--budget", type=_number, default=3.0, help="false pages per 1000 series-weeks; default 3")
    parser.add_argument("--small", action="store_true", help="320 leaves, two weeks of history, at most one scored")
    parser.add_argument("--peers", action="store_true", help="magnitude alone beside it, at surprise 4 and 5")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures of all methods, for compare")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
