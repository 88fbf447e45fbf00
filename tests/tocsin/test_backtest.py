"""Backtest: the same engine over files, with its alarms as a table, as pages and as lines."""

from __future__ import annotations

import csv
import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suppression.alarm import AlarmEvent
from tests.tocsin.run_backtest import call
from tocsin.backtest import PAGE_COLUMNS, pages, write_pages

START = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 21
FAILS_AT = START + timedelta(days=19, hours=12)
CONFIG = """
version: 1
source:
  kafka: {bootstrap_servers: [b:9092], topics: [t]}
  format: {timestamp: {path: timestamp, unit: rfc3339, assume_utc: true}}
dimensions: {region: {}, device: {}}
metrics: {demand: {kind: count}}
interval: 1h
alarm_budget: {rate: 2, per: service-week}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three weeks of hourly demand in six cells; one cell loses nearly everything for eight hours."""
    path = tmp_path_factory.mktemp("backtest")
    dice = np.random.Generator(np.random.SFC64(4))
    with (path / "demand.csv").open("w") as out:
        out.write("timestamp,region,device,value\n")
        for hour in range(24 * DAYS):
            time = START + timedelta(hours=hour)
            for n, (region, device) in enumerate((r, d) for r in ("eu", "us") for d in ("tv", "web", "phone")):
                mean = 400 * (n + 1) * math.exp(0.5 * math.sin(2 * math.pi * (hour - 6 * n) / 24))
                if (region, device) == ("eu", "web") and FAILS_AT <= time < FAILS_AT + timedelta(hours=8):
                    mean *= 0.1
                out.write(f"{time:%Y-%m-%dT%H:%M:%S},{region},{device},{dice.poisson(mean)}\n")
    (path / "tocsin.yaml").write_text(CONFIG)
    return path


def rows(file: Path) -> list[dict[str, str]]:
    with file.open() as lines:
        return list(csv.DictReader(lines))


def test_a_failure_is_paged_on_its_cell(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The one injected failure is among the alarms, on the cell that failed, within its hours; p is small."""
    code = call(monkeypatch, "-c", folder / "tocsin.yaml", folder / "demand.csv", "--out", tmp_path, "-o", "json")

    listed = json.loads(capsys.readouterr().out)
    found = rows(tmp_path / "pages.csv")
    begins = FAILS_AT.replace(tzinfo=None)  # times are written as the data has them
    told = [row for row in found if row["suppressed"] == "0"]
    hits = [row for row in told if begins <= datetime.fromisoformat(row["open"]) < begins + timedelta(hours=8)]
    assert 0 == code
    assert list(PAGE_COLUMNS) == list(found[0])
    assert {"region=eu&device=web"} == {row["cuboid"] for row in hits}
    assert {"down"} == {row["direction"] for row in hits}
    assert max(float(row["p"]) for row in hits) < 1e-3
    assert len(listed) == len(told)


def test_the_lines_hold_every_transition_of_every_page(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudEvents in order, revisions counted from 1; pages are their alarms; twice gives equal bytes."""
    for name in ("one", "two"):
        call(monkeypatch, "-c", folder / "tocsin.yaml", folder / "demand.csv", "--out", tmp_path / name)
    lines = [json.loads(line) for line in (tmp_path / "one" / "alarms.jsonl").read_text().splitlines()]

    revisions: dict[str, list[int]] = {}
    for line in lines:
        revisions.setdefault(line["data"]["alarm_id"], []).append(line["data"]["revision"])
    assert all(list(range(1, len(r) + 1)) == r for r in revisions.values())
    assert len(revisions) == len(rows(tmp_path / "one" / "pages.csv"))
    for file in ("alarms.jsonl", "pages.csv"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_calendar_that_explains_the_fall_keeps_it_quiet(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same fall as a planned event of that size: nobody is told of it, from its lead to the end of its tail."""
    (tmp_path / "tocsin.yaml").write_text(CONFIG + "suppression: {calendar: {files: [calendar.yaml]}}\n")
    (tmp_path / "calendar.yaml").write_text(
        "version: 1\ntimezone: UTC\nevents:\n"
        f"  - {{id: work, title: Work, when: {{start: {FAILS_AT:%Y-%m-%dT%H:%M}, duration: 8h, lead: 1h, tail: 2h}},\n"
        "     scope: {region: eu, device: web}, expect: {direction: down, change: -99%..-50%}}\n"
    )

    code = call(monkeypatch, "-c", tmp_path / "tocsin.yaml", folder / "demand.csv", "--out", tmp_path)

    told = [row for row in rows(tmp_path / "pages.csv") if row["suppressed"] == "0"]
    begins = FAILS_AT.replace(tzinfo=None)
    assert 0 == code
    assert [] == [row for row in told if -1 <= (datetime.fromisoformat(row["open"]) - begins) / timedelta(hours=1) < 10]
    assert len(told) <= 2  # noise may page within the budget of two a week


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "expected DATA, files to judge"),
        (("gone.csv",), "gone.csv"),
        (("*.nothing",), "DATA: expected at least one file, nothing matches '*.nothing'"),
    ],
)
def test_what_cannot_be_read_is_exit_code_2_with_its_name(
    folder: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No data, a file that is not there, a pattern that matches nothing."""
    assert 2 == call(monkeypatch, "-c", folder / "tocsin.yaml", *arguments, "--out", tmp_path)
    assert told in capsys.readouterr().err


def test_data_of_no_configured_metric_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows that no metric is meant by are gaps, and the summary says that nothing was judged."""
    (tmp_path / "tocsin.yaml").write_text(CONFIG.replace("kind: count", "kind: count, where: 'stack == \"A\"'"))
    (tmp_path / "x.csv").write_text("timestamp,stack,region,device,value\n2026-03-02T00:00:00,B,eu,tv,1\n")

    assert 0 == call(monkeypatch, "-c", tmp_path / "tocsin.yaml", tmp_path / "x.csv", "--out", tmp_path)
    assert "no tick could be judged" in capsys.readouterr().err


def event(kind: str, tick: int, told: bool, reason: str | None = None) -> AlarmEvent:
    suppression = {"reasons": [{"reason": reason}]} if reason else None
    data = {
        "series": {"metric": "m", "region": "eu"}, "cuboid": {"present": {"region": "eu"}}, "direction": "down",
        "surprise": -5.0, "p": 1e-5, "summary": "s", "suppression": suppression,
    }  # fmt: skip
    state: Any = {"held": "held", "resolved": "resolved"}.get(kind, "firing")
    end: Any = "recovered" if kind == "resolved" else None
    return AlarmEvent(kind, tick * 3_600_000, "A", tick + 1, state, "warning", end, told, data)  # type: ignore[arg-type]


def test_a_page_opens_when_people_were_told(tmp_path: Path) -> None:
    """Held first and told two hours later: the page opens with the telling, and is no held one."""
    found = pages([event("held", 0, False, "stack"), event("released", 2, True), event("resolved", 5, True)])

    write_pages(tmp_path / "pages.csv", found)

    (row,) = rows(tmp_path / "pages.csv")
    assert ("1970-01-01T02:00:00Z", "1970-01-01T05:00:00Z") == (row["open"], row["close"])
    assert ("m|eu", "region=eu", "0", "") == (row["series_id"], row["cuboid"], row["suppressed"], row["reason"])


def test_a_page_that_is_still_on_has_no_close() -> None:
    """Nothing is invented for the end of the data; the first reason is the one that counts."""
    (page,) = pages([event("held", 3, False, "calendar"), event("held", 4, False, "stack")])

    assert (None, True, "calendar") == (page.close_ms, page.is_suppressed, page.reason)


def test_another_configuration_is_set_against_this_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fiftieth of the budget: what it does not tell appears beside it, and vanishes the other way round."""
    strict = folder / "strict.yaml"
    strict.write_text(CONFIG.replace("rate: 2", "rate: 0.04"))
    compared = {}
    for one, other in (("tocsin.yaml", strict), (strict, "tocsin.yaml")):
        out = tmp_path / Path(one).stem
        code = call(
            monkeypatch, "-c", folder / one, folder / "demand.csv", "--out", out, "--compare", folder / other,
            "--json", out / "figures.json",
        )  # fmt: skip
        assert 0 == code
        capsys.readouterr()
        changes = json.loads((out / "figures.json").read_text())["changes"]
        compared[Path(one).stem] = [change["change"] for change in changes]

    assert set(compared["tocsin"]) == {"appears", "same"}
    assert set(compared["strict"]) == {"vanishes", "same"}
    assert compared["tocsin"].count("appears") == compared["strict"].count("vanishes")
