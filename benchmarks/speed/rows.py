"""The bars, one function each: what is measured, what it is compared with, and whether it holds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from benchmarks.speed.calls import calls_of_step
from benchmarks.speed.rounds import ROOT, Spec, Table, environment, memory, run
from benchmarks.speed.triad import triad_ns

CORE, CORE_LARGE, RIVER, RIVER_STEP = (
    Spec("core", "core", 100_000),
    Spec("core 10^6", "core", 1_000_000),
    Spec("river", "river", 100_000),
    Spec("river, whole", "river_step", 100_000),
)
INCLUDED = (
    "  core = placing the tick's samples, expectation, residual (three horizons, deviance), derivative, contrast with\n"
    "  peers on one axis, learning; without decoding, summing roll-ups, calibration, episodes, alarms"
)


@dataclass(frozen=True, slots=True)
class Setting:
    """`rows` overrides the size of our side, for a quick look; the bars are meant for the sizes of the table."""

    rounds: int = 5
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the verdict. `holds` None: a goal, or a figure for information."""

    text: str
    holds: bool | None = None

    def __str__(self) -> str:
        word = {True: "holds", False: "FAILS", None: ""}[self.holds]
        return f"{self.text}  {word}".rstrip()


@dataclass(frozen=True, slots=True)
class Answer:
    """Verdicts of a row, and whether the machine moved too much for them to count."""

    results: list[Result]
    is_void: bool = False


def _sized(spec: Spec, setting: Setting) -> Spec:
    return Spec(spec.title, spec.name, setting.rows or spec.size)


def _answer(table: Table, results: list[Result]) -> Answer:
    void = " (void: more than 20 %)" if table.is_void else ""
    print(f"  triad moved by {table.triad_move:.0%}{void}")
    return Answer(results, table.is_void)


def row1(setting: Setting) -> Answer:
    """tick after decode, 10^6 rows, in triad elements: at most 200"""
    print(INCLUDED)
    table = run([_sized(CORE_LARGE, setting)], setting.rounds)
    elements = table.in_triads("core 10^6")
    return _answer(table, [Result(f"row 1: {elements} triad elements; bar <= 200", elements.median <= 200)])


def row2(setting: Setting) -> Answer:
    """river's same three scorers by hand, 10^5 series: at least 60 times our time"""
    print(INCLUDED)
    table = run([_sized(CORE, setting), _sized(RIVER, setting)], setting.rounds)
    ratio = table.ratio("river", "core")
    return _answer(table, [Result(f"row 2: {ratio} x river's points/s/core; bar >= 60", ratio.median >= 60)])


def row3(setting: Setting) -> Answer:
    """HalfSpaceTrees and SNARIMAX at least 200 times our time, rrcf 10 x 128 at least 10,000 times"""
    print(INCLUDED)
    trees, linear = Spec("HalfSpaceTrees", "half_space_trees", 200), Spec("SNARIMAX", "snarimax", 500)
    bars = [(trees, 200), (linear, 200)]
    results = []
    if find_spec("rrcf"):
        bars.append((Spec("rrcf", "rrcf", 50), 10_000))
    else:
        results.append(Result("row 3: rrcf is not installed (pip install 'tocsin[bench]'), not measured"))
    table = run([_sized(CORE, setting), *(spec for spec, _ in bars)], setting.rounds)
    for spec, bar in bars:
        ratio = table.ratio(spec.title, "core")
        results.append(Result(f"row 3: {ratio} x {spec.title}; bar >= {bar}", ratio.median >= bar))
    return _answer(table, results)


def row4(setting: Setting) -> Answer:
    """resident bytes a series: ours with index at most 1,250, river's at least 100 times as many"""
    theirs = memory("river", 1000)
    results = []
    for rows in (setting.rows,) if setting.rows else (100_000, 1_000_000):
        ours = memory("core", rows)
        ratio = theirs["resident"] / ours["resident"]
        results.append(
            Result(
                f"row 4: {ours['rows']:,.0f} rows: {ours['resident']:,.0f} B resident a row with index "
                f"({ours['arrays']:,.0f} B of it state); bar <= 1,250",
                ours["resident"] <= 1250,
            )
        )
        text = f"row 4: river {theirs['resident']:,.0f} B a series, {ratio:.0f} x ours; bar >= 100"
        results.append(Result(text, ratio >= 100))
    return Answer(results)


def row5(setting: Setting) -> Answer:
    """tick of 10^6 rows over tick of 10^5 rows: at most 12"""
    small, large = CORE, CORE_LARGE
    if setting.rows:
        small, large = Spec("core", "core", setting.rows // 10), Spec("core 10^6", "core", setting.rows)
    table = run([small, large], setting.rounds)
    ratio = table.ratio("core 10^6", "core")
    scale = table.points["core 10^6"] / table.points["core"]
    text = f"row 5: {ratio.median * scale:.2f} (min {ratio.least * scale:.2f}, max {ratio.most * scale:.2f}); bar <= 12"
    return _answer(table, [Result(text, ratio.median * scale <= 12)])


def row9(setting: Setting) -> Answer:
    """prometheus-client's time over ours, 10^5 gauges, equal samples: at least 15"""
    before = triad_ns()
    command = [sys.executable, "-m", "benchmarks.exposition", "--rounds", str(setting.rounds)]
    if setting.rows:
        command += ["--series", str(setting.rows)]
    out = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, env=environment()).stdout
    after = triad_ns()
    print("  " + out.strip().replace("\n", "\n  "))
    ratio = float(out.rsplit("median ratio", 1)[1].split()[0])
    move = max(before, after) / min(before, after) - 1
    print(f"  triad {before:.3f} ns before, {after:.3f} ns after")
    return Answer([Result(f"row 9: {ratio:.1f} x prometheus-client; bar >= 15", ratio >= 15)], move > 0.2)


def row10(setting: Setting) -> Answer:
    """Python calls a chunk of rows in a tick of the whole step, 10^5 against 10^3 rows: no more"""
    few, some, many = (calls_of_step(rows) for rows in (1000, 10_000, setting.rows or 100_000))
    for counted in (few, some, many):
        print(f"  {counted.rows:>7} rows, {counted.chunks} chunks: {counted.calls} calls a tick")
    each = many.calls / many.chunks
    text = f"row 10: {each:.0f} calls a chunk at {many.rows:,} rows, {few.calls} at {few.rows:,}; bar: no more"
    return Answer(
        [
            Result("row 10: calls at 10^3 and 10^4 rows, one chunk each, are equal", few.calls == some.calls),
            Result(text, each <= few.calls),
        ]
    )


def whole(setting: Setting) -> Answer:
    """the whole step at 10^5 and 10^6 rows: triad elements, river's same scorers, bytes a row"""
    sizes = (setting.rows,) if setting.rows else (100_000, 1_000_000)
    answers: list[Result] = []
    is_void = False
    for size in sizes:
        spec = Spec(f"whole {size:,}", "whole", size)
        table = run([spec, _sized(RIVER_STEP, setting), _sized(RIVER, setting)], setting.rounds)
        figures = table.figures[spec.title]
        print(
            f"  {table.points[spec.title]:,} rows, {figures['levels']:.0f} cuboid levels, "
            f"{figures['in_episode']:.2%} of rows in an episode, {figures['candidates']:.0f} candidates open, "
            f"slowest tick {figures['worst_ns']:.0f} ns a row"
        )
        elements, ratio = table.in_triads(spec.title), table.ratio(RIVER_STEP.title, spec.title)
        plain = table.ratio("river", spec.title)
        answers += [
            Result(f"{spec.title}: {elements} triad elements; accept <= 400", elements.median <= 400),
            Result(f"{spec.title}: {ratio} x river's same scorers on every axis; accept >= 25", ratio.median >= 25),
            Result(f"{spec.title}: {plain} x river's plain three scorers of row 2, contrast on one axis"),
        ]
        own = memory("whole", size)
        text = f"{spec.title}: {own['resident']:,.0f} B resident a row with index and labels"
        answers.append(Result(f"{text} ({own['arrays']:,.0f} B of it state); accept <= 2,000", own["resident"] <= 2000))
        is_void |= _answer(table, []).is_void
    return Answer(answers, is_void)


ROWS: Mapping[str, Callable[[Setting], Answer]] = {
    "row1": row1, "row2": row2, "row3": row3, "row4": row4, "row5": row5, "row9": row9, "row10": row10, "whole": whole,
}  # fmt: skip
