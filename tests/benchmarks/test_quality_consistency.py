"""Consistency over classes of a set: printed by the command, and right where it can be counted by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality.__main__ import main
from benchmarks.quality.consistency import consistency_lines, grid_consistency, series_consistency
from benchmarks.quality.dataset import Detection, Page
from benchmarks.quality.read import read_dataset
from benchmarks.quality.truth import Truth, read_grid_truth
from benchmarks.quality.views import views_of
from tests.benchmarks.quality_sets import long_set

GRID = Path(__file__).parents[1] / "data" / "grid_bike_sample"


def test_the_command_prints_it_below_its_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = long_set(tmp_path / "set")
    assert 0 == main([str(path), "--out", str(tmp_path / "out"), "--budget", "1", "--method", "plain"])

    lines = [line for line in capsys.readouterr().out.splitlines() if "by series" in line]
    assert len(lines) == 1
    assert lines[0].startswith("plain: over ")


def test_a_class_with_larger_scores_is_inconsistent(tmp_path: Path) -> None:
    """Equal scores have OPIS 0; one series ten times as loud when calm has not, and pages more."""
    dataset = read_dataset(long_set(tmp_path / "set"), None)
    panel = dataset.panels[0]
    ticks, units = len(panel.t_ms), len(panel.units)
    calm = 10.0 ** -np.random.default_rng(3).exponential(0.3, ticks)
    p = np.repeat(calm[:, None], units, axis=1)
    views = views_of(dataset, Detection((), (p,)))
    span = [(int(view.stamps[-20]), int(view.stamps[-1])) for view in views]
    truth = Truth({view.name: [s] for view, s in zip(views, span, strict=True)})
    p[-20:] = 1e-9
    views = [replace(v, surprise=np.where(np.isnan(v.surprise), np.nan, -np.log10(p[:, v.unit]))) for v in views]
    even = series_consistency(views, truth)["series"]
    loud = [replace(v, surprise=v.surprise * (10 if k == 0 else 1)) for k, v in enumerate(views)]

    assert len(views) == even.classes
    assert even.opis == pytest.approx(0, abs=1e-12)
    assert series_consistency(loud, truth)["series"].opis > 1e-4


def test_a_grid_counts_false_pages_of_each_region() -> None:
    """Nine pages of one region, none of others: far from an even spread; a held page does not count."""
    dataset = read_dataset(GRID, None)
    truth = read_grid_truth(dataset)
    assert truth is not None
    panel = dataset.panels[0]
    stamps = panel.t_ms + panel.units[0].phase_ms
    calm = [t for t, ms in enumerate(stamps.tolist()) if not any(s - 1 <= ms <= e + 1e7 for s, e in truth.incidents)]
    name = sorted(panel.columns[0].labels)[0]
    values = sorted({column.labels[name] for column in panel.columns if column.watched})
    pages = [Page(0, 0, t, None, "down", f"{name}={values[0]}", 1e-6) for t in calm[-9:]]
    quiet = tuple(replace(page, suppressed=True) for page in pages)
    p = (np.full((len(panel.t_ms), 1), 0.5),)

    logs = np.log10([9.0, *[0.5] * (len(values) - 1)])
    assert pytest.approx(logs.std()) == grid_consistency(dataset, Detection(tuple(pages), p), truth)[name].spread
    assert grid_consistency(dataset, Detection(quiet, p), truth)[name].spread == 0
    assert any(f"by {name}" in line for line in consistency_lines(dataset, {"m": Detection(tuple(pages), p)}))
