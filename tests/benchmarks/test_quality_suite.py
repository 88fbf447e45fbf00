"""The suite: what was asked beside what was reached, from commands that can be repeated; one failure stops nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.quality import suite
from benchmarks.quality.record import Metrics, read
from benchmarks.quality.suite import choose, main
from benchmarks.quality.suite_rows import DEVELOPMENT, INSIDE, PROMISE, QUICK, Asked, Run, reach, recall
from tests.benchmarks.quality_sets import long_set


@pytest.mark.parametrize(
    ("asked", "metrics", "pages", "scores"),
    [
        (recall(1, 0.55, "-"), {"recall": 0.6, "false_per_week": 0.9, "sweep@1": 0.5}, True, False),
        (recall(1, 0.55, "-"), {"recall": 0.6, "false_per_week": 1.1, "sweep@1": 0.7}, False, True),  # too many
        (recall(1, 0.55, "-"), {"recall": 0.5, "false_per_week": 0.1, "sweep@1": None}, False, None),
        (PROMISE[0], {"realised_over_promised": 0.51}, True, None),
        (PROMISE[0], {"realised_over_promised": 0.49}, False, None),
        (PROMISE[0], {"realised_over_promised": 0.0}, False, None),
        (PROMISE[1], {"worst_class": None}, None, None),
        (QUICK, {"delay_median": 3.0}, True, None),
        (INSIDE, {"recall_in_events": 0.7, "recall_quiet": 0.8}, False, None),
        (INSIDE, {"recall_in_events": 0.8, "recall_quiet": 0.8}, True, None),
    ],
)
def test_reached_is_said_of_pages_and_scores(
    asked: Asked, metrics: Metrics, pages: bool | None, scores: bool | None
) -> None:
    """Pages reach it only within the limit of false ones; what could not be counted has no verdict."""
    got = reach(asked, metrics)

    assert (pages, scores) == (got.pages_ok, got.scores_ok)


def test_sets_are_chosen_by_what_is_there(tmp_path: Path) -> None:
    """Without a folder: what is shipped, and words that say so; with one: what it holds, the rest is named."""
    (tmp_path / "asd").mkdir()
    runs, notes = choose(tmp_path, fast=False)

    assert ["asd", "asd-part", "world"] == [run.name for run in runs]
    assert {f"Not there: {d.folder}." for d in DEVELOPMENT if d.folder != "asd"} == set(notes[1:])
    (tmp_path / "grid_bike_s11").mkdir()
    assert ["grid_bike_s11", "world", "grid_bike_s11-ablation"] == [
        run.name for run in choose(tmp_path, fast=False)[0] if "asd" not in run.name
    ]
    for shipped, words in (choose(None, fast=False), choose(tmp_path, fast=True)):
        names = [run.name for run in shipped]
        assert ["grid_bike_sample", "nab_sample", "world", "grid_bike_sample-ablation"] == names
        assert "too small to judge by" in words[0]


def test_a_run_that_fails_does_not_stop_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 1 at the end; both commands stand in the page, the figures of the one that ran in both files."""
    folder, out = long_set(tmp_path / "set"), tmp_path / "out"
    call = ("benchmarks.quality", str(folder), "--method", "tocsin", "--peer", "plain", "--budget", "1")
    asked = (recall(1, 0.55, "0.21"),)
    runs = [
        Run("broken", "none", ("benchmarks.quality", str(tmp_path / "absent"), "--budget", "1"), asked),
        Run("set", "hourly", call, asked),
        Run(
            "parts",
            "what each adds",
            ("benchmarks.quality.ablation", str(folder), "--budget", "1", "--only", "recent peak"),
            (),
            needs_out=False,
        ),
    ]
    monkeypatch.setattr(suite, "choose", lambda data, fast: (runs, ["two runs"]))

    assert 1 == main(["--out", str(out)])
    page = (out / "suite.md").read_text()
    record, ablation = read(out / "suite.json")
    assert ["tocsin", "plain"] == list(record.methods)
    assert ["full", "recent peak"] == list(ablation.methods)
    assert "## what each adds" in page
    assert "\n- recent peak" in page
    assert "| none | recall of labelled incidents | ≥ 0.55 at ≤ 1 | 0.21 | failed |" in page
    assert f"`{record.command}`" in page
    assert "plain 1.00 at " in page
    assert "failed: ['broken']" in capsys.readouterr().out
    assert 2 == main(["--out", str(out), "--only", "nothing"])
