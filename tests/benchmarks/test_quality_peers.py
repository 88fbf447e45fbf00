"""Peers of the quality benchmark: each hears the same stream, finds a plain spike, and is missed with a clear line."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality.__main__ import main
from benchmarks.quality.dataset import WEEK_MS
from benchmarks.quality.peers import LISTED, harness, spot
from benchmarks.quality.peers.peer import Stream, Verdict
from benchmarks.quality.read import read_dataset
from benchmarks.quality.run import rows
from benchmarks.quality.sample import sampled
from tests.benchmarks.quality_sets import daily_shape, long_set, wide_set

HOUR_MS = 3_600_000
SHARE = {"river_half_space_trees": 0.7}  # its scaler takes the spike as the new end of the range
GRID = Path(__file__).parents[1] / "data" / "grid_bike_sample"


def stream(spike: float = 200.0, gap: bool = False) -> Stream:
    """Hours of a daily shape; 300 of warm-up, a spike at 700, perhaps a gap of two days before it."""
    y = daily_shape(900)
    y[700:703] += spike
    if gap:
        y[600:648] = np.nan
    return Stream(y, HOUR_MS, 300, HOUR_MS / WEEK_MS)


def judged(name: str, heard: Stream) -> Verdict:
    if name == "streamad_spot" and not (spot.PEERS_DIR / "streamad").is_dir():
        pytest.skip("streamad is not installed: scripts/setup-peers")
    return harness.resolve(name).judge(heard)


@pytest.mark.parametrize("name", sorted(LISTED))
@pytest.mark.parametrize("gap", [False, True])
def test_a_peer_hears_a_spike(name: str, gap: bool) -> None:
    """It is among the strangest of what was judged; where nothing came there is no opinion."""
    heard = stream(gap=gap)
    said = judged(name, heard)
    known = said.strength[300:]
    known = known[np.isfinite(known)]

    assert len(heard.y) == len(said.strength) == len(said.deviation)
    assert np.nanmax(said.strength[700:703]) >= np.quantile(known, SHARE.get(name, 0.95))
    assert np.isnan(said.strength[np.isnan(heard.y)]).all()
    assert said.over is None or not said.over[np.isnan(heard.y)].any()


@pytest.mark.parametrize("name", sorted(LISTED))
def test_a_peer_does_not_look_ahead(name: str) -> None:
    """Equal bits up to where the stream is cut."""
    heard = stream()
    whole, cut = (
        judged(name, Stream(heard.y[:length], heard.step_ms, heard.start, heard.rate)) for length in (900, 750)
    )

    np.testing.assert_array_equal(whole.strength[:750], cut.strength)


@pytest.mark.parametrize("name", sorted(LISTED))
def test_a_peer_bears_a_series_that_never_moves(name: str) -> None:
    """Nor one that is empty: no error, no infinite strength."""
    for y in (np.full(500, 7.0), np.full(500, np.nan)):
        said = judged(name, Stream(y, HOUR_MS, 200, 0.001))

        assert not np.isinf(said.strength).any()


def test_the_threshold_of_a_peer_keeps_the_budget_on_its_warm_up(tmp_path: Path) -> None:
    """A looser budget tells no fewer pages; all of them in what is judged."""
    dataset = read_dataset(wide_set(tmp_path), None)
    (panel,) = dataset.panels
    few, many = (harness.detect("ewma", dataset, budget).pages for budget in (0.1, 20.0))

    assert len(few) < len(many)
    assert all(page.open >= panel.units[page.unit].score_from for page in many)
    assert {"metric=m01", "metric=m02"} >= {page.cuboid for page in many}


def test_grids_show_a_peer_in_both_views() -> None:
    """The log ratio to the witness, and the magnitude; other layouts have one."""
    assert ["tocsin", "plain", "ewma", "ewma (magnitude)"] == rows("grid", "tocsin", ("plain", "ewma"))
    assert ["tocsin", "plain", "ewma"] == rows("long", "tocsin", ("plain", "ewma"))
    dataset = read_dataset(GRID, None)
    found = [harness.detect("ewma", dataset, 2.0, view) for view in ("contrast", "magnitude")]

    assert found[0].p[0].tolist() != found[1].p[0].tolist()


def test_a_missing_library_is_a_line_and_no_crash(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other methods are shown; the table says what is missing and how it is installed."""
    monkeypatch.setitem(sys.modules, "rrcf", None)
    out = str(tmp_path / "out")
    arguments = [str(long_set(tmp_path / "set")), "--out", out, "--budget", "1", "--method", "plain", "--peer", "rrcf"]

    assert 0 == main(arguments)
    printed = capsys.readouterr().out
    assert "rrcf: missing: rrcf: needs rrcf, which is not installed: pip install 'tocsin[bench]'" in printed
    assert any(line.startswith("plain ") for line in printed.splitlines())


def test_a_missing_library_of_the_method_itself_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose pages should be written must be there."""
    monkeypatch.setitem(sys.modules, "rrcf", None)
    out = str(tmp_path / "out")

    assert 2 == main([str(long_set(tmp_path / "set")), "--out", out, "--budget", "1", "--method", "rrcf"])
    assert "rrcf: needs rrcf" in capsys.readouterr().err


def test_a_sample_is_whole_series_and_the_same_each_time(tmp_path: Path) -> None:
    """As many as fit; all methods hear the same ones; a set that fits stays as it is."""
    dataset = read_dataset(long_set(tmp_path), None)
    one, again = sampled(dataset, 1_000), sampled(dataset, 1_000)

    assert 1 == sum(len(panel.units) for panel in one.panels)
    assert one.panels[0].units[0].name == again.panels[0].units[0].name
    assert one.panels[0].y.shape[1] == 1
    assert dataset is sampled(dataset, 10_000)
    assert 1 == sum(len(panel.units) for panel in sampled(dataset, 10).panels)
