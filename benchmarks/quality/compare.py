"""`python -m benchmarks.quality.compare BASE.json HEAD.json`: is head worse than base by more than is tolerated?"""

from __future__ import annotations

import argparse
import math
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from benchmarks.quality.record import Metrics, Record, read
from benchmarks.quality.run import DEFAULT
from benchmarks.quality.table import aligned
from detector.errors import ConfigError, TocsinError

TOLERANCES = Path(__file__).with_name("tolerances.toml")
HEAD = ("set", "metric", "base", "head", "change", "tolerated", "verdict")
SHOWN = 1e-4  # a smaller change is none
Better = Literal["higher", "lower", "one"]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """`name` is a pattern of metrics. `absolute` and `relative`: see the head of tolerances.toml."""

    name: str
    better: Better
    absolute: float = 0.0
    relative: float = 0.0

    def loss(self, base: float, head: float) -> float:
        """By how much head is worse; negative where it is better."""
        if self.better == "one":
            return _distance(head) - _distance(base)
        return base - head if self.better == "higher" else head - base

    def allowed(self, base: float) -> float:
        return max(self.absolute, self.relative * abs(base))


@dataclass(frozen=True, slots=True)
class Change:
    """One metric of one set. `verdict`: worse, better, same, within, absent (head lost it), new, or unjudged."""

    set_name: str
    metric: str
    base: float | None
    head: float | None
    allowed: float | None
    verdict: str

    @property
    def fails(self) -> bool:
        return self.verdict in ("worse", "absent")


def tolerances(file: Path = TOLERANCES) -> list[Tolerance]:
    """The table in order; raises ConfigError where it is not one."""
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8"))["metric"]
        out = [Tolerance(**entry) for entry in entries]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise ConfigError(f"{file}: expected [[metric]] with name, better, absolute, relative: {error}") from error
    for one in out:
        if one.better not in ("higher", "lower", "one"):
            raise ConfigError(f"{file}: {one.name}: better: expected higher, lower or one, found '{one.better}'")
    return out


def compare(base: list[Record], head: list[Record], table: list[Tolerance], method: str = DEFAULT) -> list[Change]:
    """Every metric of `method` in the sets of both; a set or metric that head lost is `absent`."""
    heads = {record.name: record for record in head}
    out: list[Change] = []
    for record in base:
        if method not in record.methods:
            continue
        other = heads.get(record.name)
        found: Metrics = other.methods.get(method, {}) if other else {}
        out += _changes(record.name, record.methods[method], found, table)
    return out


def _changes(name: str, base: Metrics, head: Metrics, table: list[Tolerance]) -> Iterator[Change]:
    for metric in dict.fromkeys([*base, *head]):
        before, after = base.get(metric), head.get(metric)
        tolerance = next((t for t in table if fnmatchcase(metric, t.name)), None)
        if before is None and after is None:
            continue
        if tolerance is None:
            yield Change(name, metric, before, after, None, "unjudged")
        elif before is None or after is None:
            yield Change(name, metric, before, after, None, "new" if before is None else "absent")
        else:
            loss, allowed = tolerance.loss(before, after), tolerance.allowed(before)
            yield Change(name, metric, before, after, allowed, _verdict(loss, allowed))


def _verdict(loss: float, allowed: float) -> str:
    if loss > allowed + 1e-9:
        return "worse"
    if abs(loss) < SHOWN:
        return "same"
    return "within" if loss > 0 else "better"


def _distance(ratio: float) -> float:
    return abs(math.log(max(ratio, 0.01)))


def lines(changes: Sequence[Change]) -> list[str]:
    body = [
        (c.set_name, c.metric, _number(c.base), _number(c.head), _number(_change(c)), _number(c.allowed), c.verdict)
        for c in changes
    ]
    return aligned([HEAD, *body])


def _change(change: Change) -> float | None:
    return None if change.base is None or change.head is None else change.head - change.base


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table; 0 when nothing is worse than tolerated, else 1."""
    arguments = _parser().parse_args(argv)
    try:
        table = tolerances(arguments.tolerances)
        changes = compare(read(arguments.base), read(arguments.head), table, arguments.method)
    except TocsinError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    if not changes:
        print(f"error: {arguments.base}: expected figures of '{arguments.method}', found none", file=sys.stderr)
        return ConfigError.exit_code
    print("\n".join(lines(changes)))
    failing = [change for change in changes if change.fails]
    print(
        f"{len(failing)} of {len(changes)} figures worse than tolerated" if failing else "nothing worse than tolerated"
    )
    return 1 if failing else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality.compare", description="Holds the figures of one run against another's."
    )
    parser.add_argument("base", type=Path, help="JSON of benchmarks.quality --json or of the suite")
    parser.add_argument("head", type=Path, help="the same of the newer state")
    parser.add_argument("--method", default=DEFAULT, help="whose figures; default tocsin")
    parser.add_argument("--tolerances", type=Path, default=TOLERANCES, help="another table of tolerances")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
