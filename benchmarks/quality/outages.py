"""`python -m benchmarks.quality.outages`: sessions of four regions whose data goes missing, and gaps that are no news.

Permanent scenarios, generated; the detector sees the same as from files. An outage is found when a page opens inside
it; every other page is false. `values alone` leaves out the pages that the gap itself opened.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.align import Rows, make_panels
from benchmarks.quality.clock import clock_of
from benchmarks.quality.dataset import DAY_MS, WEEK_MS, Dataset, Panel
from benchmarks.quality.lone import lone_events
from detector.schema import MINUTE_MS

REGIONS = ("ap", "eu", "sa", "us")
START_MS = 1_767_571_200_000  # Monday, 5 January 2026
BUDGET = 0.5
Missing = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Scenario:
    """Four series; `number` is the seed and never changes."""

    id: str
    number: int
    step_ms: int
    days: int
    outages: int = 0  # of each region, 10 minutes to 6 hours, every third after a drop, every fourth of all regions
    lost: float = 0.0  # share of samples lost one by one
    bursts: float = 0.0  # a day, of two or three samples
    sleeps: bool = False  # from 23:10 to 06:40


SCENARIOS = (
    Scenario("outages-1m", 1, MINUTE_MS, 14, outages=9),
    Scenario("outages-5m", 2, 5 * MINUTE_MS, 28, outages=12),
    Scenario("outages-5m-lossy", 3, 5 * MINUTE_MS, 28, outages=12, lost=0.05),
    Scenario("calm-5m", 4, 5 * MINUTE_MS, 28),
    Scenario("calm-5m-singles", 5, 5 * MINUTE_MS, 28, lost=0.01),
    Scenario("calm-5m-bursts", 6, 5 * MINUTE_MS, 28, bursts=1.0),
    Scenario("calm-5m-lost-10", 7, 5 * MINUTE_MS, 28, lost=0.1),
    Scenario("calm-5m-lost-30", 8, 5 * MINUTE_MS, 28, lost=0.3),
    Scenario("calm-5m-nights", 9, 5 * MINUTE_MS, 28, sleeps=True),
)


@dataclass(frozen=True, slots=True)
class Score:
    id: str
    outages: int
    found: int
    found_by_values: int
    false: int
    series_weeks: float
    delays: tuple[int, ...]  # ticks from the start of an outage found to its first page


def generate(scenario: Scenario) -> tuple[NDArray[np.int64], NDArray[np.float64], Missing]:
    """Times (T,), values (T, 4) with NaN where none came, and the labelled outages (T, 4)."""
    rng = np.random.default_rng(scenario.number)
    n = scenario.days * DAY_MS // scenario.step_ms
    t_ms = START_MS + np.arange(n, dtype=np.int64) * scenario.step_ms
    day = 2 * np.pi * (t_ms[:, None] / DAY_MS - np.array([0.1, 0.4, 0.6, 0.7]))
    level = (
        np.array([400.0, 900.0, 250.0, 1500.0])
        * (1 + 0.5 * np.sin(day))
        * (1 - 0.2 * (t_ms // DAY_MS % 7 > 4))[:, None]
    )
    y = rng.poisson(level * np.exp(0.04 * rng.standard_normal(level.shape))).astype(float)
    out = np.zeros(y.shape, bool)
    for number in range(scenario.outages):
        starts = rng.integers(n // 5, n - 7 * 12 * 5, len(REGIONS))
        if number % 4 == 3:
            starts[:] = starts[0]
        for region, start in enumerate(starts.tolist()):
            length = max(2, int(np.exp(rng.uniform(np.log(10), np.log(360)))) * MINUTE_MS // scenario.step_ms)
            if out[max(start - 40, 0) : start + length + 40, region].any():
                continue
            if number % 3 == 2:
                y[start - 3 : start, region] *= 0.5
            out[start : start + length, region] = True
    gone = out | (rng.random(y.shape) < scenario.lost)
    for region in range(len(REGIONS)):
        for start in rng.integers(0, n - 3, int(scenario.bursts * scenario.days)).tolist():
            gone[start : start + int(rng.integers(2, 4)), region] = True
    if scenario.sleeps:
        minute = t_ms // MINUTE_MS % 1440
        gone |= ((minute >= 1390) | (minute < 400))[:, None]
    gone[[0, -1]] = out[[0, -1]] = False
    y[gone] = np.nan
    return t_ms, y, out


def dataset_of(scenario: Scenario, t_ms: NDArray[np.int64], y: NDArray[np.float64]) -> Dataset:
    """As the long layout has it: rows are simply absent while data is missing."""
    texts = tuple(np.datetime_as_string(t_ms.astype("datetime64[ms]"), unit="s").tolist())
    units = []
    for i, region in enumerate(REGIONS):
        there = np.flatnonzero(~np.isnan(y[:, i]))
        units.append(
            Rows(region, t_ms[there], there.astype(np.int32), y[there, i : i + 1], ({},), scenario.step_ms)
        )  # fmt: skip
    panels, _ = make_panels(units, texts, clock_of(texts[0], "timestamp", scenario.step_ms // 1000, Path(scenario.id)))
    return Dataset(Path(scenario.id), "long", panels, "series-week")


def judge(scenario: Scenario, budget: float) -> Score:
    t_ms, y, out = generate(scenario)
    dataset = dataset_of(scenario, t_ms, y)
    panel: Panel = dataset.panels[0]
    events = [(i, e) for i, e in lone_events(panel, dataset, budget) if e.type in ("fired", "released")]
    units = {unit.name: u for u, unit in enumerate(panel.units)}
    found, by_values, false, delays, total = 0, 0, 0, [], 0
    for region, name in enumerate(REGIONS):
        first = panel.units[units[name]].score_from
        mine = [(i, e) for i, e in events if e.data["series"]["series"] == name]
        edges = np.flatnonzero(np.diff(np.r_[False, out[:, region], False]))
        inside = np.zeros(len(mine), bool)
        for start, end in edges.reshape(-1, 2).tolist():
            if start < first:
                continue
            total += 1
            hits = [(k, i) for k, (i, _) in enumerate(mine) if start - 3 <= i < end]
            inside[[k for k, _ in hits]] = True
            if hits:
                found += 1
                delays.append(max(hits[0][1] - start, 0))
            by_values += any(mine[k][1].data["evidence"]["scorers"][0]["name"] != "missing" for k, _ in hits)
        false += int((~inside).sum())
    weeks = sum((len(t_ms) - u.score_from) * scenario.step_ms / WEEK_MS for u in panel.units)
    return Score(scenario.id, total, found, by_values, false, weeks, tuple(delays))


def main(argv: Sequence[str] | None = None) -> int:
    """Prints one line a scenario; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality.outages", description=__doc__)
    parser.add_argument("--budget", type=float, default=BUDGET, help="false pages per series-week")
    parser.add_argument("--only", help="id of one scenario")
    arguments = parser.parse_args(argv)
    print(f"{'scenario':18} outages  recall  values alone  false/series-week  delay med")
    for scenario in SCENARIOS:
        if arguments.only in (None, scenario.id):
            print(line(judge(scenario, arguments.budget)), flush=True)
    return 0


def line(score: Score) -> str:
    some = max(score.outages, 1)
    recall = (
        f"{score.found / some:6.2f}  {score.found_by_values / some:12.2f}" if score.outages else f"{'-':>6}  {'-':>12}"
    )
    delay = f"{np.median(score.delays):9.0f}" if score.delays else f"{'-':>9}"
    return f"{score.id:18} {score.outages:7}  {recall}  {score.false / score.series_weeks:17.2f}  {delay}"


if __name__ == "__main__":
    raise SystemExit(main())
