"""Base against head: what is worse than tolerated fails, each metric in its own direction."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.quality.compare import compare, main, tolerances
from benchmarks.quality.record import Metrics, Record, write


def record(metrics: Metrics, name: str = "set") -> Record:
    return Record(name, "python -m benchmarks.quality set", 1.0, {"tocsin": metrics})


def verdict(metric: str, base: float | None, head: float | None) -> str:
    (change,) = compare([record({metric: base})], [record({metric: head})], tolerances())
    return change.verdict


@pytest.mark.parametrize(
    ("metric", "base", "head", "expected"),
    [
        ("recall", 0.70, 0.60, "worse"),
        ("recall", 0.70, 0.69, "within"),
        ("recall", 0.70, 0.75, "better"),
        ("recall", 0.70, 0.70, "same"),
        ("recall_in_events", 0.70, 0.60, "worse"),
        ("sweep_precision", 0.90, 0.80, "worse"),
        ("k7_f1", 0.80, 0.78, "worse"),
        ("false_per_week", 0.10, 0.20, "worse"),
        ("false_per_week", 10.0, 11.0, "within"),  # 15 % of base
        ("false_per_week", 10.0, 12.0, "worse"),
        ("false_per_week", 0.20, 0.10, "better"),
        ("realised_over_promised", 1.0, 0.5, "worse"),  # too few is as far from the promise as too many
        ("realised_over_promised", 2.0, 1.0, "better"),
        ("delay_median", 2.0, 4.0, "worse"),
        ("delay_median", 2.0, 3.0, "within"),
        ("recall", 0.70, None, "absent"),
        ("recall", None, 0.10, "new"),
        ("seconds", 1.0, 90.0, "unjudged"),
    ],
)
def test_a_figure_is_judged_in_its_own_direction(
    metric: str, base: float | None, head: float | None, expected: str
) -> None:
    """Higher, lower, near one; absolute or relative, whichever allows more."""
    assert expected == verdict(metric, base, head)


def test_a_set_that_head_did_not_run_fails() -> None:
    """All that base had of it is absent."""
    changes = compare([record({"recall": 0.5})], [record({"recall": 0.5}, "other")], tolerances())

    assert [("set", True)] == [(change.set_name, change.fails) for change in changes]


def test_the_command_says_what_is_worse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1 when worse, 0 when not, and the figures stand beside each other."""
    base, head = tmp_path / "base.json", tmp_path / "head.json"
    write(base, [record({"recall": 0.7, "precision": 0.5}), record({"recall": 0.4}, "second")])
    write(head, [record({"recall": 0.5, "precision": 0.6}), record({"recall": 0.4}, "second")])

    assert 1 == main([str(base), str(head)])
    out = capsys.readouterr().out.splitlines()
    assert ["set", "recall", "0.7", "0.5", "-0.2", "0.02", "worse"] == out[1].split()
    assert "1 of 3 figures worse than tolerated" == out[-1]
    assert 0 == main([str(head), str(head)])
    assert "nothing worse than tolerated" == capsys.readouterr().out.splitlines()[-1]


def test_a_table_of_tolerances_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As is a method that base has not."""
    file, bad = tmp_path / "base.json", tmp_path / "t.toml"
    write(file, [record({"recall": 0.7})])
    bad.write_text('[[metric]]\nname = "recall"\nbetter = "bigger"\n')

    assert 2 == main([str(file), str(file), "--tolerances", str(bad)])
    assert "expected higher, lower or one, found 'bigger'" in capsys.readouterr().err
    assert 2 == main([str(file), str(file), "--method", "ewma"])
