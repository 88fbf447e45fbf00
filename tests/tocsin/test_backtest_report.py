"""A CSV by its columns, labels, goals, comparison and the report: what a person gets from `tocsin backtest`."""

from __future__ import annotations

import csv
import json
import re
import sys
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from detector.errors import ConfigError, DataError
from suppression.calendar import Calendar
from tests.tocsin.run_backtest import call
from tests.tocsin.test_exposition import HOSTILE
from tocsin.backtest import Backtest, Page
from tocsin.backtest_calendar import read_calendar
from tocsin.plain_columns import ColumnWishes, find_columns
from tocsin.plain_files import plain
from tocsin.report import png
from tocsin.report.clock import Clock
from tocsin.report.compare import Opening, counts, pair
from tocsin.report.figures import measure
from tocsin.report.goals import check, parse_goals
from tocsin.report.labels import Incident, Truth, read_truth
from tocsin.report.matching import judge
from tocsin.report.plots import thin
from tocsin.report.trace import Window
from tocsin.spans_judged import Unit

HOUR, WEEK = 3_600_000, 604_800_000
START = datetime(2026, 3, 2)
FAILS = (24 * 40 + 12, 24 * 40 + 17)  # hours, both included


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hourly series over ten weeks; `web` falls to a twentieth for six hours, and one label tells of it."""
    path = tmp_path_factory.mktemp("plain")
    dice = np.random.Generator(np.random.SFC64(8))
    with (path / "data.csv").open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["timestamp", "value", "series_id", "label"])
        for hour in range(24 * 70):
            for name in ("web", HOSTILE[0]):
                value = 1000 * (1 + 0.3 * np.sin(hour / 24 * 2 * np.pi)) + dice.normal(0, 12)
                if name == "web" and FAILS[0] <= hour <= FAILS[1]:
                    value *= 0.05
                rows.writerow([f"{START + timedelta(hours=hour):%Y-%m-%d %H:%M:%S}", f"{value:.2f}", name, 0])
    start, end = (START + timedelta(hours=hour) for hour in FAILS)
    with (path / "labels.csv").open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["start", "end", "series_id", "kind", "note"])
        rows.writerow([start, end, "web", "incident", HOSTILE[1]])
        rows.writerow([start + timedelta(days=9), end + timedelta(days=9), HOSTILE[0], "incident", "nothing happened"])
        rows.writerow([start, end, "elsewhere", "incident", ""])
    return path


@pytest.fixture(scope="module")
def done(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run with everything that it writes."""
    out = tmp_path_factory.mktemp("out")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(out)
        goals = "recall<0.9,missed>5"
        code = call(
            patch, folder / "data.csv", "--labels", folder / "labels.csv", "--report", out / "r.html", "--json",
            out / "r.json", "--png", out / "png", "--fail-on", goals,
        )  # fmt: skip
    (out / "code").write_text(str(code))
    return out


def test_the_labelled_fall_is_found_and_the_invented_one_missed(done: Path) -> None:
    """One of two incidents has a page, so recall 0.5 breaks its goal: exit code 1. The third label is elsewhere."""
    result = json.loads((done / "r.json").read_text())

    assert "1" == (done / "code").read_text()
    assert ["found", "missed"] == [i["fate"] for i in result["incidents"]]
    assert (2, 1, 0.5) == tuple(result["figures"][name] for name in ("incidents", "found", "recall"))
    assert [False, True] == [goal["met"] for goal in result["goals"]]
    assert 0 <= result["incidents"][0]["delay_ticks"] <= 5
    assert len(list((done / "png").glob("*.png"))) >= 2


def test_the_report_loads_nothing_and_lets_no_data_become_markup(done: Path) -> None:
    """No address, no source attribute, a policy of hashes; a script in a label arrives as text only."""
    page = (done / "r.html").read_text()
    data = re.search(r'id="data">(.*?)</script>', page, re.S)
    bare = re.sub(r"<(style|script)[^>]*>.*?</\1>", "", page, flags=re.S)

    assert "✗ Failed" in page
    assert data is not None
    assert all(
        {"t", "observed", "expected", "lower", "upper", "surprise"} <= set(p) for p in json.loads(data[1]).values()
    )
    assert [] == re.findall(r"https?://|\ssrc=|@import|url\(", bare)
    assert "default-src 'none'" in unescape(page)
    assert HOSTILE[0] not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<img" not in page


def test_a_run_against_its_own_result_changes_nothing(
    folder: Path, done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--compare` with an earlier JSON; without a goal the exit code is 0, and equal input gives equal bytes."""
    monkeypatch.chdir(tmp_path)
    code = call(
        monkeypatch, folder / "data.csv", "--labels", folder / "labels.csv", "--compare", done / "r.json", "--json", "n"
    )  # fmt: skip

    now, before = json.loads((tmp_path / "n").read_text()), json.loads((done / "r.json").read_text())
    assert 0 == code
    assert before["figures"] == now["figures"]
    assert {"same"} == {change["change"] for change in now["changes"]}
    assert "0 appears, 0 vanishes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--fail-on", "recal<0.9", "--labels", "l"), "did you mean 'recall'"),
        (("--fail-on", "recall=0.9"), "expected figure<number"),
        (("--fail-on", "recall<0.9"), "only with --labels"),
        (("--budget", "many"), "--budget: expected a rate"),
        (("--series", "wab"), "did you mean 'web'"),
        (("--value", "volume"), "expected a column 'volume'"),
        (("--timezone", "Eurpe/Berlin"), "Europe/Berlin"),
        (("--compare", "labels.json"), "labels.json"),
    ],
)
def test_a_wrong_option_is_exit_code_2_with_what_was_expected(
    folder: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Said in one sentence."""
    (tmp_path / "labels.json").write_text("[]")
    monkeypatch.chdir(tmp_path)

    assert 2 == call(monkeypatch, folder / "data.csv", *arguments)
    assert told in capsys.readouterr().err


def test_without_matplotlib_png_is_refused_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the extra."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(ConfigError, match=r"tocsin\[report\]"):
        png.check_installed()


@pytest.mark.parametrize(
    ("header", "row", "values", "dimensions", "has_peers"),
    [
        ("timestamp,value", "2026-03-02T00:00:00,1", ("value",), (), True),
        ("timestamp,value,series_id,label", "1772409600,1,a,0", ("value",), ("series_id",), False),
        ("ts,region,device,value", "2026-03-02T00:00:00Z,eu,tv,1", ("value",), ("region", "device"), True),
        ("when,cpu,mem", "2026-03-02 00:00,1,2", ("cpu", "mem"), (), False),
        ("time,entity,cpu,mem,label", "1772409600,a,1,2,0", ("cpu", "mem"), ("entity",), False),
        ("timestamp,date_local,demand", "2026-03-02T00:00,2026-03-02,5", ("demand",), (), True),
    ],
)
def test_columns_are_found(
    tmp_path: Path, header: str, row: str, values: tuple[str, ...], dimensions: tuple[str, ...], has_peers: bool
) -> None:
    """Long, wide, with labels, with strangers; truth columns and dates are nobody's dimension."""
    (tmp_path / "x.csv").write_text(f"{header}\n{row}\n")

    found = find_columns(tmp_path / "x.csv", ColumnWishes())

    assert (values, dimensions, has_peers) == (found.values, found.dimensions, found.has_peers)


def test_series_of_different_steps_are_runs_of_their_own(tmp_path: Path) -> None:
    """One configuration for each interval; warm-up is a seventh of the time, in whole ticks."""
    rows = [f"{START + timedelta(minutes=5 * i):%Y-%m-%dT%H:%M},1,fast" for i in range(300)]
    rows += [f"{START + timedelta(hours=i):%Y-%m-%dT%H:%M},1,slow" for i in range(100)]
    (tmp_path / "x.csv").write_text("\n".join(["timestamp,value,series_id", *rows]) + "\n")

    plans = plain([tmp_path / "x.csv"], ColumnWishes()).plans

    assert [5 * 60_000, HOUR] == [plan.config.model.interval for plan in plans]
    assert [("value", "fast"), ("value", "slow")] == [
        next(key for key in (("value", "fast"), ("value", "slow")) if plan.keep(key)) for plan in plans
    ]
    assert 14 * HOUR == plans[1].config.model.warmup  # 15 % of 99 h


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("start,stop\n1,2\n", "l.csv:1: expected the columns start,end"),
        ("start,end\n2026-03-02,yesterday\n", "l.csv:2: expected a time"),
        ("start,end\n2026-03-03,2026-03-02\n", "l.csv:2: the end 2026-03-02 is before"),
        ("start,end,cuboid\n2026-03-02,2026-03-02,planet=mars\n", "l.csv:2: cuboid: expected all or pairs"),
        ("start,end\n2026-03-02\n", "l.csv:2: expected 2 cells"),
    ],
)
def test_wrong_labels_name_file_line_and_value(tmp_path: Path, text: str, told: str) -> None:
    """Nothing is guessed."""
    (tmp_path / "l.csv").write_text(text)

    with pytest.raises(DataError, match=told):
        read_truth([tmp_path / "l.csv"], [], Clock(), {"region": "region"}, ["value"])


def page(t: int, *, held: bool = False, **present: str) -> Page:
    return Page(
        f"A{t}", 1, "m", t * HOUR, (t + 1) * HOUR, "down", "all", 1e-5, held, "calendar" if held else "", "warning",
        "s", "recovered", {"metric": "m"}, present, {}, HOUR,
    )  # fmt: skip


def test_pages_are_judged_by_the_rules_of_the_referee() -> None:
    """First page found, second a duplicate, of another cuboid false; held candidates make an incident held only."""
    unit = Unit({"metric": "m", "region": "eu"}, 0, 2 * WEEK, HOUR)
    other = Unit({"metric": "m", "region": "us"}, 0, 2 * WEEK, HOUR)
    truth = Truth(
        (Incident(10 * HOUR, 14 * HOUR, {"region": "eu"}, "incident", 2),
         Incident(50 * HOUR, 52 * HOUR, {"region": "eu"}, "incident", 3),
         Incident(90 * HOUR, 92 * HOUR, {}, "incident", 4)), (),
    )  # fmt: skip
    found = Backtest(units=[unit, other], first_ms=0, last_ms=2 * WEEK)
    pages = [page(12, region="eu"), page(13), page(14, region="us"), page(51, held=True, region="eu"), page(15)]

    judged = judge(found, pages, truth, Calendar(), True)
    figures = measure(judged, 0.5, "series-week").values

    assert ["found", "duplicate", "false", "held", "false"] == [p.verdict for p in judged.pages]
    assert ["found", "held_only", "missed"] == [i.fate for i in judged.incidents]
    assert (2, 2.0, 1) == (figures["false_pages"], figures["delay_median"], figures["duplicates"])
    clean = 4 * WEEK - (4 + 2 + 2 + 2) * HOUR  # the last incident is of both series
    assert 2 / (clean / WEEK) == pytest.approx(figures["false_pages_per_series_week"])
    assert figures["realised_per_promised"] == pytest.approx(figures["false_pages_per_series_week"] / 0.5)


def test_a_goal_that_cannot_be_counted_is_not_met() -> None:
    """A gate without incidents must not be open."""
    goals = parse_goals("recall<0.9, pages>3", True)

    assert [False, True] == [v.is_met for v in check(goals, {"recall": float("nan"), "pages": 3})]


def up(series: str, since: int, until: int | None, *, is_told: bool = True) -> Opening:
    return Opening(series, "all", "up", since, until, is_told)


def test_alarms_are_paired_by_place_and_overlap() -> None:
    """One appears, one vanishes, one is held now; a page that opens a tick later is the same."""
    before = [up("a", 0, 5), up("b", 0, 5), up("c", 0, 5)]
    now = [up("a", 1, 5), up("b", 0, 5, is_told=False), up("d", 0, None)]

    assert {"appears": 1, "vanishes": 1, "told_now": 0, "held_now": 1, "same": 1} == counts(pair(before, now))


def test_a_calendar_and_labels_follow_the_wall_clock_of_the_data(tmp_path: Path) -> None:
    """Naive data in New York: a UTC event falls five hours earlier on its axis, a naive CSV where it says."""
    (tmp_path / "c.csv").write_text("start,end,name,series_id\n2026-01-10T20:00,2026-01-10T21:00,Game,a[1]\n")
    clock = Clock("America/New_York", True)
    span = clock.read("2026-01-01"), clock.read("2026-02-01")

    (event,) = clock.calendar(
        read_calendar([tmp_path / "c.csv"], clock.zone, HOUR, {"series_id": "series"}), *span
    ).between(*span)  # fmt: skip

    assert ("2026-01-10 20:00", "2026-01-10 22:00") == (clock.text(event.start_ms), clock.text(event.end_ms))
    assert event.scope.matches({"series": "a[1]"})
    assert not event.scope.matches({"series": "a1"})
    assert clock.read("2026-01-10T20:00") == clock.read("2026-01-11T01:00:00Z")


def test_thinning_keeps_the_most_surprising_tick() -> None:
    """A long plot is bounded, and the moment it is about stays on it."""
    values = np.zeros((5, 1000), np.float32)
    values[4, 777] = -9

    window, every = thin(Window(np.arange(1000, dtype=np.int64), values), 100)

    assert (10, 100) == (every, len(window.t_ms))
    assert 777 in window.t_ms
