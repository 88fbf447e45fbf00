"""The command's verdicts and exit codes."""

from __future__ import annotations

import pytest

from benchmarks.speed.command import main, run_rows
from benchmarks.speed.rounds import Disagreement
from benchmarks.speed.rows import Answer, Result, Setting


def test_an_unknown_row_is_named_with_those_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is measured, and the exit code is that of usage."""
    code = main(["row1", "row7"])

    assert 2 == code
    assert "expected profile or some of row1, row2" in capsys.readouterr().err


def test_a_void_run_is_repeated_and_then_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """One retry is two runs; a figure that stays void is marked and never counts as a bar that holds."""
    runs = []

    def row(setting: Setting) -> Answer:
        runs.append(setting.rounds)
        return Answer([Result("row: 7", True)], is_void=True)

    code = run_rows({"row": row}, Setting(3), retries=1)

    assert 1 == code
    assert [3, 3] == runs
    assert "row: 7  holds  (void)" in capsys.readouterr().out


def test_a_bar_that_fails_sets_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """A figure without a bar does not."""
    failing = run_rows({"row": lambda setting: Answer([Result("a", True), Result("b", False)])}, Setting(), 0)
    holding = run_rows({"row": lambda setting: Answer([Result("a", True), Result("c")])}, Setting(), 0)

    assert (1, 0) == (failing, holding)
    assert "b  FAILS" in capsys.readouterr().out


def test_sides_that_disagree_give_no_figure(capsys: pytest.CaptureFixture[str]) -> None:
    """The other rows are still measured."""

    def blind(setting: Setting) -> Answer:
        raise Disagreement("river: expected at least 0.95, got 0.5")

    code = run_rows({"blind": blind, "row": lambda setting: Answer([Result("seen", True)])}, Setting(), 0)

    assert 1 == code
    assert "blind: no figure, the sides do not answer alike\nseen  holds" in capsys.readouterr().out
