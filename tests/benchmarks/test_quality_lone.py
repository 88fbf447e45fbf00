"""Tocsin on long and wide sets: incidents found, nothing of the future used, entities as one unit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality import lone, side_by_side
from benchmarks.quality.dataset import Dataset, Detection
from benchmarks.quality.read import read_dataset
from tests.benchmarks.quality_sets import long_set, wide_set


def with_garbage(dataset: Dataset, since: int) -> Dataset:
    """Another future: from tick `since` on nothing is as it was."""
    (panel,) = dataset.panels
    y = panel.y.copy()
    y[since:] = 1000 * np.random.default_rng(0).random(y[since:].shape)
    return replace(dataset, panels=(replace(panel, y=y),))


def staggered(dataset: Dataset) -> Dataset:
    """The second unit's history ends long after the first's."""
    (panel,) = dataset.panels
    units = tuple(replace(unit, score_from=unit.score_from + 150 * u) for u, unit in enumerate(panel.units))
    return replace(dataset, panels=(replace(panel, units=units),))


def before(found: Detection, tick: int) -> tuple[bytes, list[tuple[int, int]]]:
    return found.p[0][:tick].tobytes(), sorted((page.unit, page.open) for page in found.pages if page.open < tick)


def test_a_spike_of_a_long_set_is_paged_at_its_tick(tmp_path: Path) -> None:
    """In the series that has it."""
    dataset = read_dataset(long_set(tmp_path), None)
    found = lone.detect(dataset, 0.1)

    assert (0, 700) in [(page.unit, page.open) for page in found.pages]


def test_the_future_changes_no_page_and_no_p(tmp_path: Path) -> None:
    """Also not that of a series whose history is still going on while another one is judged."""
    dataset = staggered(read_dataset(long_set(tmp_path), None))
    first, second = (unit.score_from for unit in dataset.panels[0].units)
    for since in ((first + second) // 2, second + 100):
        found, other = lone.detect(dataset, 1.0), lone.detect(with_garbage(dataset, since), 1.0)

        assert before(found, since) == before(other, since)
        assert np.isfinite(found.p[0][first:since, 0]).all()


def test_an_entity_of_a_wide_set_is_one_unit(tmp_path: Path) -> None:
    """One p an entity and tick, none in history; the jump is a page of the entity that has it."""
    dataset = read_dataset(wide_set(tmp_path), None)
    found = lone.detect(dataset, 0.5)
    (panel,) = dataset.panels
    at = [page for page in found.pages if page.unit == 1 and page.open == 700]

    assert (len(panel.t_ms), 2) == found.p[0].shape
    assert np.isnan(found.p[0][:600]).all()
    assert ["metric=m02"] == [page.cuboid for page in at]


def test_panels_side_by_side_say_what_one_after_another_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages in the same order, p to the bit, from processes of their own."""
    (panel,) = read_dataset(long_set(tmp_path), None).panels
    short = replace(panel, t_ms=panel.t_ms[:800], local_ms=panel.local_ms[:800], y=3 * panel.y[:800] + 1)
    short = replace(short, units=tuple(replace(u, ticks=u.ticks[:800], texts=u.texts[:800]) for u in panel.units))
    dataset = replace(read_dataset(tmp_path, None), panels=(short, panel, short))
    monkeypatch.setattr(side_by_side, "WORTHWHILE", 0)

    alone, together = lone.detect(dataset, 1.0), lone.detect(dataset, 1.0, jobs=2)

    assert {0, 1, 2} == {page.panel for page in alone.pages}
    assert alone.pages == together.pages
    assert [p.tobytes() for p in alone.p] == [p.tobytes() for p in together.p]


def test_short_panels_stay_in_this_process(tmp_path: Path) -> None:
    """What could not be sent anywhere is called here, in the order of the panels."""
    dataset = read_dataset(long_set(tmp_path), None)
    dataset = replace(dataset, panels=dataset.panels * 3)

    assert [0, 1, 2] == side_by_side.of_panels(lambda number, part: number, dataset, 8)


def test_without_processes_panels_are_judged_one_after_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    """Where the system has no semaphores; people are told."""

    def refuse(*_arguments: object, **_named: object) -> None:
        raise OSError("no semaphores here")

    dataset = read_dataset(long_set(tmp_path), None)
    monkeypatch.setattr(side_by_side, "WORTHWHILE", 0)
    monkeypatch.setattr(side_by_side, "ProcessPoolExecutor", refuse)

    said = side_by_side.of_panels(lambda number, part: number, replace(dataset, panels=dataset.panels * 2), 2)

    assert [0, 1] == said
    assert "one after another instead: no semaphores here" in capsys.readouterr().err
