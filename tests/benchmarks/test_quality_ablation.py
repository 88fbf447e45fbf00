"""The ablation: every part is run without or excused, and a switch reaches the engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality.ablation import FULL, ablate, lines, main, parts
from benchmarks.quality.lattice import grid_schema
from benchmarks.quality.read import read_dataset
from benchmarks.quality.switches import GRID as SWITCHES
from benchmarks.quality.switches import RULES, Never
from tests.benchmarks.quality_sets import long_set
from tocsin.core import Core
from tocsin.parameters import Parameters

GRID = Path(__file__).parents[1] / "data" / "grid_bike_sample"


def test_a_switch_reaches_the_engine_and_differences_are_to_the_whole() -> None:
    """The shipped grid judged without its calendar has other figures; the table says by how much."""
    found = ablate(read_dataset(GRID, None), 2.0, ["calendar"])
    whole, without = found.figures[FULL], found.figures["calendar"]

    assert [FULL, "calendar"] == list(found.figures)
    assert without != whole
    row = next(line for line in lines(found) if line.startswith("- calendar"))
    assert f"{(without['sweep@2'] or 0) - (whole['sweep@2'] or 0):+.3f}" == row.split()[-1]


@pytest.mark.parametrize(
    ("part", "silent"),
    [
        ("forecast residual", [0, 1, 2]),
        ("derivative", [3]),
        ("sibling contrast", [4, 5]),
        ("witness contrast", [6]),
    ],
)
def test_a_silenced_scorer_says_nothing_and_the_others_what_they_said(part: str, silent: list[int]) -> None:
    """Residuals at three horizons, the derivative, two axes, one witness."""
    (panel,) = read_dataset(GRID, None).panels
    whole, without = (Core(grid_schema(panel), Parameters()) for _ in range(2))
    SWITCHES[part](without)
    z = np.full((whole.scorers, 3), 4, np.float32)
    classes = np.zeros(3, np.int64)
    said, kept = (
        core.calibration.surprises(core.calibration.init(3), z, classes, np.empty_like(z)) for core in (whole, without)
    )

    assert silent == np.flatnonzero(np.isnan(kept).all(axis=1)).tolist()
    others = [k for k in range(whole.scorers) if k not in silent]
    assert np.array_equal(said[others], kept[others])
    assert np.isfinite(said).all()


def test_every_rule_is_run_without_or_excused_with_a_reason() -> None:
    """As is the calendar of a set that has none."""
    table, excused = parts(read_dataset(GRID, None))

    assert {f"rule {name}" for name in RULES} <= set(table) | set(excused)
    assert not set(table) & set(excused)
    assert all(excused.values())


def test_lone_series_lose_their_seasons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without seasonal experts the scores of a daily shape differ; the table has both parts and the reasons."""
    folder = long_set(tmp_path / "set")

    assert 0 == main([str(folder), "--budget", "1"])
    out = capsys.readouterr().out
    parts_of_it = ("seasonal experts", "recent peak", "known range", "missing data", "drift")
    for part in ("full", *(f"- {name}" for name in parts_of_it), "excused: opening law: "):
        assert f"\n{part}" in out


def test_a_part_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The parts that there are are named."""
    assert 2 == main([str(long_set(tmp_path / "set")), "--budget", "1", "--only", "luck"])
    err = capsys.readouterr().err
    assert "expected one of seasonal experts, recent peak, known range, missing data, drift, found 'luck'" in err


def test_a_rule_that_is_switched_off_can_be_asked_whatever_rules_are_asked() -> None:
    """Every public question of every rule has an answer, or the run breaks in its midst."""
    (panel,) = read_dataset(GRID, None).panels
    judge = Core(grid_schema(panel), Parameters()).judge
    rules = [getattr(judge, name) for name in RULES if hasattr(judge, name)]
    asked = {name for rule in rules for name in dir(rule) if name.startswith("judge")}

    assert {"judge", "judge_part"} <= asked
    assert all(callable(getattr(Never(), name)) for name in asked)
