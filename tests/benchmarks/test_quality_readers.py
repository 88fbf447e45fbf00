"""Every layout becomes aligned panels, and nothing is read that a detector may not know."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality.dataset import Panel
from benchmarks.quality.layout import detect_layout
from benchmarks.quality.read import read_dataset
from detector.errors import DataError
from tests.benchmarks.quality_sets import cells_set, daily_shape, hourly, long_set, wide_set, write_csv

GRID = Path(__file__).parents[1] / "data" / "grid_bike_sample"
NAB = Path(__file__).parents[1] / "data" / "nab_sample"
LONG = ("series_id", "timestamp", "value")


def only_panel(path: Path, history: Path | None = None) -> Panel:
    (panel,) = read_dataset(path, history).panels
    return panel


def test_layouts_are_told_by_their_columns(tmp_path: Path) -> None:
    """Long, wide, grid, cells and a single series are recognised from files and columns, never from a name."""
    single = write_csv(tmp_path / "x" / "series.csv", ("timestamp", "cnt", "holiday"), [("2024-01-01", 1, 0)])
    folders = [long_set(tmp_path / "a"), wide_set(tmp_path / "b"), GRID, cells_set(tmp_path / "c"), single]

    assert ["long", "wide", "grid", "cells", "single"] == [detect_layout(folder).layout for folder in folders]


def test_an_unknown_layout_is_named_with_what_was_expected(tmp_path: Path) -> None:
    """The error says which columns were found and lists the layouts."""
    write_csv(tmp_path / "series.csv", ("when", "how_much"), [("2024-01-01", 1)])

    with pytest.raises(DataError, match=r"series\.csv: no layout fits: found columns when, how_much; expected one of"):
        read_dataset(tmp_path)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    """A folder without data files says what is in it."""
    with pytest.raises(DataError, match="found nothing; expected one of"):
        read_dataset(tmp_path)


def test_a_bad_number_is_named_with_its_line(tmp_path: Path) -> None:
    """File, line, column, value and what was expected."""
    write_csv(tmp_path / "series.csv", LONG, [("a", "2024-01-01", 1), ("a", "2024-01-02", "many")])

    with pytest.raises(DataError, match=r"series\.csv:3: column 'value': expected a number, found 'many'"):
        read_dataset(tmp_path)


@pytest.mark.parametrize("time", ["01/02/2024", "2024-13-45T00:00:00", "yesterday"])
def test_a_bad_time_is_named(tmp_path: Path, time: str) -> None:
    """A time of no known form is an error with the text and the forms."""
    write_csv(tmp_path / "series.csv", LONG, [("a", "2024-01-01T00:00:00", 1), ("a", time, 2)])

    with pytest.raises(DataError, match="expected unix seconds or milliseconds"):
        read_dataset(tmp_path)


def test_a_step_of_nothing_is_refused(tmp_path: Path) -> None:
    """`step_s` must be above zero."""
    long_set(tmp_path)
    write_csv(tmp_path / "meta.csv", ("series_id", "step_s"), [("web/a", 3600), ("web/b", 0)])

    with pytest.raises(DataError, match=r"meta\.csv:3: column 'step_s': expected seconds above zero, found 0"):
        read_dataset(tmp_path)


def test_labels_and_other_columns_change_nothing(tmp_path: Path) -> None:
    """A set whose labels, weather and meta are nonsense reads as the same values."""
    clean = only_panel(long_set(tmp_path / "a"))
    rows = [
        (name, t, v, "poison", "storm")
        for number, name in enumerate(("web/a", "web/b"))
        for t, v in zip(hourly(900), clean.y[:, number].tolist(), strict=True)
    ]
    poisoned = write_csv(tmp_path / "b" / "series.csv", (*LONG, "label", "weather"), rows)
    write_csv(tmp_path / "b" / "labels.csv", ("nothing",), [("good",)])
    write_csv(
        tmp_path / "b" / "meta.csv", ("series_id", "step_s", "n_events"), [("web/a", 3600, "x"), ("web/b", 3600, "y")]
    )

    np.testing.assert_array_equal(clean.y, only_panel(poisoned).y)


@pytest.mark.parametrize(
    ("texts", "step_ms"),
    [
        (["1491041280", "1491041340", "1491041460"], 60_000),
        (["2024-01-01 00:00", "2024-01-01 00:05", "2024-01-01 00:15"], 300_000),
        (["2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z", "2024-01-01T03:00:00Z"], 3_600_000),
        (["2024-01-01T00:00:00+02:00", "2024-01-01T01:00:00+02:00", "2024-01-01T03:00:00+02:00"], 3_600_000),
        (["2024-01-01", "2024-01-02", "2024-01-04"], 86_400_000),
        (["2024-01-01 00:00:01.500", "2024-01-01 01:00:01.500", "2024-01-01 03:00:01.500"], 3_600_000),
    ],
)
def test_times_keep_their_own_form(tmp_path: Path, texts: list[str], step_ms: int) -> None:
    """Rows give their own text back, and a tick without a row gets one of the same form."""
    write_csv(tmp_path / "series.csv", LONG, [("a", text, i) for i, text in enumerate(texts)])

    panel = only_panel(tmp_path)

    said = panel.time_texts(0, np.arange(4))
    assert step_ms == panel.step_ms
    assert [texts[0], texts[1], texts[2]] == [said[0], said[1], said[3]]
    assert len(texts[0]) == len(said[2])
    assert texts[1] < said[2] < texts[2]


def test_missing_points_stay_missing(tmp_path: Path) -> None:
    """A row that is not there and a value that is not there are both NaN."""
    rows = [("a", "2024-01-01T00:00:00", 1), ("a", "2024-01-01T01:00:00", "NaN"), ("a", "2024-01-01T03:00:00", 4)]
    write_csv(tmp_path / "series.csv", LONG, [*rows, ("a", "2024-01-01T04:00:00", 5)])

    np.testing.assert_array_equal([[1.0], [np.nan], [np.nan], [4.0], [5.0]], only_panel(tmp_path).y)


def test_of_rows_with_one_time_the_last_counts(tmp_path: Path) -> None:
    """Order in the file decides; rows need not be sorted."""
    rows = [("a", 7200, 3), ("a", 0, 1), ("a", 3600, 2), ("a", 7200, 9)]
    write_csv(tmp_path / "series.csv", LONG, rows)

    np.testing.assert_array_equal([[1.0], [2.0], [9.0]], only_panel(tmp_path).y)


def test_series_of_other_steps_and_far_spans_get_panels_of_their_own(tmp_path: Path) -> None:
    """One panel an interval; series that never overlap do not stretch each other's grid."""
    rows: list[tuple[object, ...]] = [("hour", t, 1) for t in hourly(50)]
    rows += [("later", t, 1) for t in hourly(50, "2030-01-01T00:00:00")]
    rows += [("minute", f"2024-01-01T00:{m:02d}:00", 1) for m in range(60)]
    write_csv(tmp_path / "series.csv", LONG, rows)

    panels = read_dataset(tmp_path).panels

    assert [(60_000, 60), (3_600_000, 50), (3_600_000, 50)] == [(p.step_ms, len(p.y)) for p in panels]


def test_times_that_lie_absurdly_far_apart_are_an_error(tmp_path: Path) -> None:
    """A wrong year does not fill the memory."""
    rows = [("a", 60 * i, 1) for i in range(50)]
    write_csv(tmp_path / "series.csv", LONG, [*rows, ("a", 60 * 10**10, 1)])

    with pytest.raises(DataError, match=r"expected at most 400000000; is a time or a step_s wrong"):
        read_dataset(tmp_path)


def test_warm_up_is_a_share_of_short_series_and_two_weeks_of_long_ones(tmp_path: Path) -> None:
    """min(14 d, 15 % of the span), of each series."""
    rows: list[tuple[object, ...]] = [("long", t, 1) for t in hourly(24 * 200 + 1)]
    rows += [("short", t, 1) for t in hourly(24 * 20 + 1)]
    write_csv(tmp_path / "series.csv", LONG, rows)

    assert [14 * 24, 3 * 24] == [unit.score_from for unit in only_panel(tmp_path).units]


def test_history_comes_first_and_is_not_scored(tmp_path: Path) -> None:
    """Earlier data of the same layout are in the panel; scoring starts with the set itself."""
    times, values = hourly(300), daily_shape(300).tolist()
    rows = [("a", t, v) for t, v in zip(times, values, strict=True)]
    old = write_csv(tmp_path / "old" / "series.csv", LONG, rows[:200])
    new = write_csv(tmp_path / "new" / "series.csv", LONG, rows[200:])

    panel = only_panel(new, old)

    np.testing.assert_array_equal(values, panel.y[:, 0])
    assert 200 == panel.units[0].score_from
    assert times[200:202] == panel.time_texts(0, np.array([200, 201]))


def test_history_of_another_layout_is_refused(tmp_path: Path) -> None:
    """The error names both layouts."""
    with pytest.raises(DataError, match="--history is of layout wide, expected long"):
        read_dataset(long_set(tmp_path / "a"), wide_set(tmp_path / "b"))


def test_the_training_part_of_a_wide_set_is_history(tmp_path: Path) -> None:
    """An entity is one unit with several metrics, judged from the first row of its test part on."""
    dataset = read_dataset(wide_set(tmp_path))
    (panel,) = dataset.panels

    assert ("srv01", "srv02") == tuple(unit.name for unit in panel.units)
    assert [0, 0, 1, 1] == [column.unit for column in panel.columns]
    assert [600, 600] == [unit.score_from for unit in panel.units]
    assert ["600", "601"] == panel.time_texts(1, np.array([600, 601]))
    assert ("no meta.csv tells the length of a step: taken as 300 s",) == dataset.notes


def test_a_grid_has_one_unit_and_leaves_a_fifth_unscored() -> None:
    """Stack A is watched, B is the witness, the calendar comes along as text, the budget is the service's."""
    dataset = read_dataset(GRID)
    (panel,) = dataset.panels

    assert 12 == len(panel.columns)
    assert {"A": True, "B": False} == {column.labels["stack"]: column.watched for column in panel.columns}
    assert {"count"} == {column.kind for column in panel.columns}
    assert [("", 336)] == [(unit.name, unit.score_from) for unit in panel.units]
    assert "service-week" == dataset.budget_per
    assert (dataset.calendar_csv or "").startswith("start,end,name")


def test_local_dates_put_the_panel_on_the_local_clock(tmp_path: Path) -> None:
    """The date turns at local midnight, so the offset follows from it; before the first turn it is unknown."""
    rows = [(t, "2024-01-01" if i < 13 else "2024-01-02", 1) for i, t in enumerate(hourly(30))]
    write_csv(tmp_path / "series.csv", ("timestamp_utc", "date_local", "demand"), rows)

    panel = only_panel(tmp_path)

    offset = (panel.local_ms - panel.t_ms) // 3_600_000
    assert {0} == set(offset[:13].tolist())
    assert {11} == set(offset[13:].tolist())


def test_the_shipped_streams_are_a_gauge_and_a_count() -> None:
    """Real five-minute data with odd phases: all rows are in the panel, texts come back."""
    panels = read_dataset(NAB).panels

    assert 2 * 4032 == sum(int(np.isfinite(panel.y).sum()) for panel in panels)
    assert {(300_000, "gauge"), (300_000, "count")} == {(p.step_ms, c.kind) for p in panels for c in p.columns}
    for panel in panels:
        for number, unit in enumerate(panel.units):
            assert [panel.texts[code] for code in unit.texts] == panel.time_texts(number, unit.ticks)


def test_names_that_look_like_numbers_are_kept_as_they_are(tmp_path: Path) -> None:
    """A series `007` is no series `7`, `1e3` none of a thousand, and an empty name is refused with its line."""
    names = ("007", "1e3", "7")
    write_csv(tmp_path / "series.csv", LONG, [(name, t, 1) for name in names for t in (0, 3600, 7200)])

    assert names == tuple(unit.name for unit in only_panel(tmp_path).units)

    write_csv(tmp_path / "series.csv", LONG, [("007", 0, 1), ("", 3600, 2)])
    with pytest.raises(DataError, match=r"series\.csv:3: column 'series_id': expected a text, found nothing"):
        read_dataset(tmp_path)
