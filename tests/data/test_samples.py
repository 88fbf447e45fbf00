"""The shipped samples: complete, small, and what their pages say of them."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def rows(path: Path) -> list[dict[str, str]]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    return list(csv.DictReader(text.splitlines()))


@pytest.fixture(scope="module")
def grid() -> list[dict[str, str]]:
    return rows(HERE / "grid_bike_sample" / "series.csv.gz")


def test_the_grid_has_every_cell_in_every_hour_of_ten_weeks(grid: list[dict[str, str]]) -> None:
    """Two stacks, two regions, three devices, 1,680 hours."""
    cells = {(row["stack"], row["region"], row["device"]) for row in grid}
    hours = {row["timestamp"] for row in grid}

    assert 12 == len(cells)
    assert 70 * 24 == len(hours)
    assert 12 * 70 * 24 == len(grid)


def test_ten_incidents_follow_the_warm_up(grid: list[dict[str, str]]) -> None:
    """None lies in the first fifth, which is never scored; six fall into special events."""
    hours = sorted({row["timestamp"] for row in grid})
    incidents = rows(HERE / "grid_bike_sample" / "incidents.csv")

    assert 10 == len(incidents)
    assert all(hours[len(hours) // 5] <= row["start"] <= row["end"] <= hours[-1] for row in incidents)
    assert 6 == sum(row["during_special_event"] == "1" for row in incidents)


def test_an_outage_of_the_sample_is_in_its_data(grid: list[dict[str, str]]) -> None:
    """While the mobile devices of casual users are out, stack A has nothing of them and stack B has."""
    out = [
        (row["stack"], float(row["value"]))
        for row in grid
        if row["region"] == "casual"
        and row["device"] == "mobile"
        and "2012-01-21T02:00:00" <= row["timestamp"] <= "2012-01-21T09:00:00"
    ]

    assert 0 == sum(value for stack, value in out if stack == "A")
    assert 0 < sum(value for stack, value in out if stack == "B")


def test_the_calendar_holds_only_what_was_announced() -> None:
    """Every entry is an anticipated event of the truth; weather is in the truth alone."""
    calendar = {row["name"] for row in rows(HERE / "grid_bike_sample" / "calendar.csv")}
    truth = rows(HERE / "grid_bike_sample" / "special_events.csv")

    assert calendar == {row["name"] for row in truth if row["kind"] == "anticipated"}
    assert "unanticipated_low" in {row["kind"] for row in truth}


def test_the_cloud_streams_have_their_labels() -> None:
    """Two streams of 4,032 samples, each with two windows; every labelled sample is in one."""
    series = rows(HERE / "nab_sample" / "series.csv.gz")
    windows = [row for row in rows(HERE / "nab_sample" / "labels.csv") if row["kind"] == "window"]

    assert 2 * 4032 == len(series)
    assert 4 == len(windows)
    for row in series:
        time = row["timestamp"].replace("T", " ")
        inside = any(w["series_id"] == row["series_id"] and w["start"] <= time <= w["end"] for w in windows)
        assert inside == (row["label"] == "1")


def test_the_samples_are_small() -> None:
    """Everything together is below a megabyte."""
    assert sum(path.stat().st_size for path in HERE.rglob("*") if path.is_file()) < 1_000_000
