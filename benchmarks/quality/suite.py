"""`python -m benchmarks.quality.suite`: figures asked, each from one command: docs/reference/quality-benchmark.md."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.quality.record import Record, read, write
from benchmarks.quality.run import DEFAULT
from benchmarks.quality.suite_rows import Asked, Run, development_runs, reach, runs_named, shipped_runs
from benchmarks.quality.table import aligned
from detector.errors import DataError, StorageError

HEAD = ("kind", "measure", "asked", "plain", "pages", "reached", "scores", "reached", "peers: pages / scores")


@dataclass(frozen=True, slots=True)
class Done:
    """A command that was run; `failure` says why there are no figures."""

    run: Run
    command: str
    seconds: float
    record: Record | None
    failure: str = ""
    text: str = ""  # what it printed


def execute(run: Run, out: Path) -> Done:
    """Runs it in a process of its own; a failure is a result."""
    file = out / f"{run.name}.json"
    folder = ("--out", str(out / run.name)) if run.needs_out else ()
    arguments = [*run.arguments, *folder, "--json", str(file)]
    command = shlex.join(["python", "-m", *arguments])
    file.unlink(missing_ok=True)
    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=False)
    seconds = time.monotonic() - begun
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["nothing was said"])[-1]
        return Done(run, command, seconds, None, f"exit {done.returncode}: {last}")
    try:
        return Done(run, command, seconds, read(file)[0], text=done.stdout)
    except DataError as error:
        return Done(run, command, seconds, None, str(error))


def rows(done: Done) -> list[tuple[str, ...]]:
    """A row for each figure asked; peers are those of the same run."""
    if done.record is None:
        return [(done.run.kind, asked.measure, asked.text, asked.plain, *["failed"] * 5) for asked in done.run.asked]
    return [_row(done.run, asked, done.record) for asked in done.run.asked]


def _row(run: Run, asked: Asked, record: Record) -> tuple[str, ...]:
    own = reach(asked, record.methods.get(DEFAULT, {}))
    peers = []
    for name, metrics in record.methods.items():
        got = reach(asked, metrics)
        if name != DEFAULT and got.pages is not None:
            peers.append(f"{name} {_figure(got.pages, got.rate)}" + (f" / {_text(got.scores)}" if asked.sweep else ""))
    return (
        run.kind, asked.measure, asked.text, asked.plain, _figure(own.pages, own.rate), _verdict(own.pages_ok),
        _text(own.scores), _verdict(own.scores_ok), "; ".join(peers) or "-",
    )  # fmt: skip


def _figure(value: float | None, rate: float | None) -> str:
    return _text(value) + (f" at {rate:.2f}" if rate is not None else "")


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _verdict(reached: bool | None) -> str:
    return {True: "yes", False: "no", None: "-"}[reached]


def markdown(all_: Sequence[Done], notes: Sequence[str]) -> str:
    """The page that is written: notes, the table, and every command."""
    lines = ["# Figures asked and reached", "", *(f"{note}  " for note in notes), ""]
    lines += ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    lines += ["| " + " | ".join(row) + " |" for done in all_ for row in rows(done)]
    lines += ["", "| kind | command | seconds |", "|---|---|---|"]
    lines += [f"| {d.run.kind} | `{d.command}`{_why(d)} | {d.seconds:.0f} |" for d in all_]
    for done in all_:
        if not done.run.asked and done.text:
            lines += ["", f"## {done.run.kind}", "", "```", f"$ {done.command}", done.text.rstrip(), "```"]
    return "\n".join(lines) + "\n"


def _why(done: Done) -> str:
    return f" {done.failure}" if done.failure else ""


def show(done: Done) -> str:
    """One command and its rows, for people who wait; peers get a line of their own."""
    lines = [
        f"\n$ {done.command}",
        f"  {done.run.kind}, {done.seconds:.0f} s{': ' + done.failure if done.failure else ''}",
    ]
    if done.record is not None and not done.run.asked:
        lines += [f"  {line}" for line in done.text.splitlines()]
    elif done.record is not None:
        body = rows(done)
        lines += [f"  {line}" for line in aligned([HEAD[1:8], *(row[1:8] for row in body)])]
        lines += [f"  peers, {row[1]}: {row[8]}" for row in body if row[8] != "-"]
        lines += [f"  {method}: missing: {reason}" for method, reason in done.record.missing.items()]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs every command; 0 when all ran, whatever they reached, else 1."""
    arguments = _parser().parse_args(argv)
    runs, notes = choose(arguments.data, arguments.fast)
    runs = runs_named(runs, arguments.only)
    if not runs:
        print(f"error: --only: found no run of the name {', '.join(arguments.only)}", file=sys.stderr)
        return 2
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(f"error: --out {arguments.out}: expected a folder that can be written: {error}", file=sys.stderr)
        return StorageError.exit_code
    print("\n".join(notes), flush=True)
    all_ = []
    for run in runs:
        all_.append(execute(run, arguments.out))
        print(show(all_[-1]), flush=True)
    write(arguments.out / "suite.json", [d.record for d in all_ if d.record is not None])
    (arguments.out / "suite.md").write_text(markdown(all_, notes), encoding="utf-8")
    failed = [d.run.name for d in all_ if d.record is None]
    print(f"\n{arguments.out / 'suite.md'}, {arguments.out / 'suite.json'}" + (f"; failed: {failed}" if failed else ""))
    return 1 if failed else 0


def choose(data: Path | None, fast: bool) -> tuple[list[Run], list[str]]:
    """The development sets where they are, else what every clone has, and the words that say so."""
    if data is not None and not fast:
        runs, absent = development_runs(data)
        return runs, [f"Sets below {data}.", *(f"Not there: {name}." for name in absent)]
    return shipped_runs(), [
        "Shipped samples and the small simulated world: they show that everything runs, and are too small to judge by."
        " The development sets are run where DATA names their folder."
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality.suite", description="The figures asked of each kind of data, and reached."
    )
    data = os.environ.get("DATA")
    parser.add_argument("--data", type=Path, default=Path(data) if data else None, help="folder of sets; or DATA")
    parser.add_argument("--fast", action="store_true", default=os.environ.get("FAST") == "1", help="samples; or FAST=1")
    parser.add_argument("--out", type=Path, default=Path("out/quality"), help="default out/quality")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="a run's name; repeatable")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
