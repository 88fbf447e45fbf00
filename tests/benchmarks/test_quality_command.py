"""The command as others run it: a folder in, two files out, a table where truth is there."""

from __future__ import annotations

import csv
import gzip
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality.__main__ import main
from benchmarks.quality.dataset import Detection
from benchmarks.quality.peers import spot
from benchmarks.quality.read import read_dataset
from benchmarks.quality.run import METHODS, detect
from tests.benchmarks.quality_sets import cells_set, daily_shape, hourly, long_set, wide_set, write_csv

GRID = Path(__file__).parents[1] / "data" / "grid_bike_sample"
PAGES = ["series_id", "open", "close", "direction", "cuboid", "p", "suppressed", "reason"]


def run(path: Path, out: Path, budget: float = 1.0, *more: str) -> list[dict[str, str]]:
    """Runs the command with the plain method; returns the pages."""
    assert 0 == main([str(path), "--out", str(out), "--budget", str(budget), "--method", "plain", *more])
    with (out / "pages.csv").open(newline="") as file:
        reader = csv.DictReader(file)
        assert reader.fieldnames == PAGES
        return list(reader)


def scores(out: Path) -> list[dict[str, str]]:
    with gzip.open(out / "scores.csv.gz", "rt", newline="") as file:
        return list(csv.DictReader(file))


def test_a_spike_in_a_long_set_is_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its time stands in the set's own form, its table has the recall."""
    pages = run(long_set(tmp_path / "set"), tmp_path / "out")

    assert ("web/a", hourly(701)[700]) in {(page["series_id"], page["open"]) for page in pages}
    table = capsys.readouterr().out.splitlines()
    assert "set: promised 1 false pages per series-week; delays in ticks" == table[0]
    assert any(re.fullmatch(r"plain: 1800 points in [\d.]+ s, [\d,]+ a second, read in [\d.]+ s", x) for x in table)
    assert ["plain", "1.000"] == table[2].split()[:2]


def test_scores_start_after_the_warm_up_and_are_probabilities(tmp_path: Path) -> None:
    """One row a judged tick; smallest where the spike is."""
    run(long_set(tmp_path / "set"), tmp_path / "out")
    rows = [row for row in scores(tmp_path / "out") if row["series_id"] == "web/a"]

    assert hourly(136)[135] == rows[0]["timestamp"]
    assert all(0 < float(row["p"]) <= 1 for row in rows)
    assert hourly(701)[700] == min(rows, key=lambda row: float(row["p"]))["timestamp"]


def test_pages_of_a_wide_set_name_the_entity_and_its_metric(tmp_path: Path) -> None:
    """Times are steps, as in the set."""
    pages = run(wide_set(tmp_path / "set"), tmp_path / "out")

    assert ("srv02", "700", "metric=m02", "up") in {
        (page["series_id"], page["open"], page["cuboid"], page["direction"]) for page in pages
    }
    assert {"srv01", "srv02"} == {row["series_id"] for row in scores(tmp_path / "out")}
    assert 600 == min(int(row["timestamp"]) for row in scores(tmp_path / "out"))


def test_a_grid_pages_as_one_service(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No series id, cuboids of region and device, one score a tick; recall inside events beside the split."""
    pages = run(GRID, tmp_path / "out", 2.0)
    rows = scores(tmp_path / "out")

    assert {""} == {page["series_id"] for page in pages} | {row["series_id"] for row in rows}
    assert all(part.split("=")[0] in ("all", "region", "device") for p in pages for part in p["cuboid"].split("&"))
    assert len(rows) == len({row["timestamp"] for row in rows})
    out = capsys.readouterr().out
    assert "in events" in out
    assert "false unanticipated_low" in out


def test_a_cell_is_blamed(tmp_path: Path) -> None:
    """Cells need no budget and give cuboids, best first, at the moment of the alarm; they have no scores."""
    assert 0 == main([str(cells_set(tmp_path / "set")), "--out", str(tmp_path / "out")])
    with (tmp_path / "out" / "pages.csv").open(newline="") as file:
        pages = list(csv.DictReader(file))

    assert [("case1", "1600000180", "up", "bitrate=500")] == [
        (page["series_id"], page["open"], page["direction"], page["cuboid"]) for page in pages
    ]
    assert not (tmp_path / "out" / "scores.csv.gz").exists()


def test_without_truth_the_files_are_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Taking every truth file away, or filling it with nonsense, changes no byte of what is written."""
    full = tmp_path / "full"
    shutil.copytree(GRID, full)
    bare = tmp_path / "bare"
    shutil.copytree(GRID, bare)
    for name in ("incidents.csv", "special_events.csv"):
        (bare / name).unlink()

    run(full, tmp_path / "a", 2.0)
    run(bare, tmp_path / "b", 2.0)

    assert "no truth beside the data" in capsys.readouterr().out
    assert (tmp_path / "a" / "pages.csv").read_bytes() == (tmp_path / "b" / "pages.csv").read_bytes()
    assert scores(tmp_path / "a") == scores(tmp_path / "b")


@pytest.mark.parametrize("method", sorted(METHODS))
def test_scores_do_not_look_ahead(tmp_path: Path, method: str) -> None:
    """Cutting the stream changes no score before the cut; history is given so that the warm-up is the same."""
    if method == "streamad_spot" and not (spot.PEERS_DIR / "streamad").is_dir():
        pytest.skip("streamad is not installed: scripts/setup-peers")
    times, values = hourly(1000), daily_shape(1000)
    values[900:903] += 300
    columns = ("series_id", "timestamp", "value")
    rows = [("a", t, v) for t, v in zip(times, values.tolist(), strict=True)]
    old = write_csv(tmp_path / "old" / "series.csv", columns, rows[:400])
    whole = write_csv(tmp_path / "whole" / "series.csv", columns, rows[400:])
    cut = write_csv(tmp_path / "cut" / "series.csv", columns, rows[400:850])

    def judged(path: Path) -> Detection:
        return detect(read_dataset(path, old), 1.0, method)

    np.testing.assert_array_equal(judged(whole).p[0][:850], judged(cut).p[0])


def test_a_peer_is_shown_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Naming the method again as a peer shows it once."""
    run(long_set(tmp_path / "set"), tmp_path / "out", 1.0, "--peer", "plain")

    assert 1 == sum(line.startswith("plain ") for line in capsys.readouterr().out.splitlines() if ":" not in line)


@pytest.mark.parametrize("budget", ["0", "-1", "many", "nan", "inf"])
def test_a_budget_must_be_above_zero(tmp_path: Path, budget: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Usage errors leave with 2 and say what was expected."""
    with pytest.raises(SystemExit) as left:
        main([str(tmp_path), "--out", str(tmp_path / "out"), f"--budget={budget}"])

    assert 2 == left.value.code
    assert f"expected a number above zero, found '{budget}'" in capsys.readouterr().err


def test_series_need_a_budget(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only cells do without."""
    assert 2 == main([str(long_set(tmp_path / "set")), "--out", str(tmp_path / "out")])
    assert "--budget: expected false pages per series-week" in capsys.readouterr().err


def test_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The path is named."""
    assert 2 == main([str(tmp_path / "gone"), "--out", str(tmp_path / "out"), "--budget", "1"])
    assert "gone: expected a folder with data files, found nothing" in capsys.readouterr().err


def test_an_out_that_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Trouble with our own output is an I/O error."""
    (tmp_path / "out").write_text("")

    assert 74 == main([str(long_set(tmp_path / "set")), "--out", str(tmp_path / "out"), "--budget", "1"])
    assert "expected a folder that can be written" in capsys.readouterr().err
