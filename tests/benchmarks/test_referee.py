"""Our referee against a naive twin, against hand counts, and against the shared scorers where they are."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from benchmarks import referee
from benchmarks.quality.paging import runs_over
from benchmarks.referee_grid import GridTruth, judge_grid

SHARED = Path(__file__).parents[3] / "shared" / "tools"
GRID = Path(__file__).parents[1] / "data" / "grid_bike_sample"
WEEK = 604_800_000


def shared_tool(name: str) -> ModuleType | None:
    """A scorer from outside the tree; says so where it is not there."""
    file = SHARED / f"{name}.py"
    if not file.is_file():
        warnings.warn(f"{name} of the shared tools is not here: compared with the naive twin only", stacklevel=2)
        return None
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def naive(opens: list[int], incidents: list[tuple[int, int]], span: tuple[int, int]) -> dict[str, Any]:
    """The rules one page at a time."""
    inside = [i for i in incidents if span[0] <= i[0] <= span[1]]
    first: dict[int, int] = {}
    pages = false = duplicates = 0
    for t in sorted(opens):
        if not span[0] <= t <= span[1]:
            continue
        pages += 1
        for number, (start, end) in enumerate(inside):
            if start <= t <= end:
                duplicates += number in first
                first.setdefault(number, t - start)
                break
        else:
            false += 1
    return {
        "found": len(first),
        "false": false,
        "duplicates": duplicates,
        "delays": sorted(first.values()),
        "pages": pages,
    }


def random_case(seed: int) -> tuple[list[int], list[tuple[int, int]], tuple[int, int]]:
    rng = np.random.default_rng(seed)
    opens = sorted(rng.integers(0, 1000, 30).tolist())
    starts = np.sort(rng.integers(0, 1000, 8))
    return opens, [(int(s), int(s + rng.integers(0, 60))) for s in starts], (100, 950)


@pytest.mark.parametrize("seed", range(20))
def test_pages_are_matched_as_by_the_naive_twin(seed: int) -> None:
    """Also where incidents overlap and pages lie outside the span."""
    judged = referee.judge(*random_case(seed))

    twin = naive(*random_case(seed))
    assert twin == {
        "found": judged.found,
        "false": judged.false,
        "duplicates": judged.duplicates,
        "delays": sorted(judged.delays),
        "pages": judged.pages,
    }


def test_pages_are_matched_as_by_the_shared_scorer() -> None:
    """Counts and pooled figures agree with alarm_score on twenty random cases (where it is there)."""
    tool = shared_tool("alarm_score")
    ours = [referee.judge(*random_case(seed)) for seed in range(20)]
    if tool is None:
        assert sum(naive(*random_case(seed))["false"] for seed in range(20)) == referee.pool(ours).false
        return
    theirs = [tool.score_series(*random_case(seed)) for seed in range(20)]
    pooled, expected = referee.pool(ours, week=604_800), tool.pool(theirs, 1)

    assert [t["clean"] for t in theirs] == [o.clean for o in ours]
    assert [expected[k] for k in ("events", "recall", "precision", "false")] == [
        pooled.incidents, pooled.recall, pooled.precision, pooled.false,
    ]  # fmt: skip
    assert expected["fa_per_series_week"] == pytest.approx(pooled.false_per_week)
    assert expected["dup_per_detected"] == pytest.approx(pooled.duplicates_per_found)
    assert (expected["delay_med_s"], expected["delay_p90_s"]) == (pooled.delay_median, pooled.delay_p90)


def test_a_counted_case() -> None:
    """One found late, one duplicate, one false, one missed; warm-up pages do not count."""
    #        0    10        20        30        40
    # warm   |····|
    # labels      ·  ████   ·   ██    ·
    # pages    |     · ||   |         ·
    judged = referee.judge([5, 15, 16, 20], [(13, 17), (26, 28)], (10, 40))

    assert (2, 1, 3, 1, 1, (2.0,)) == (
        judged.incidents, judged.found, judged.pages, judged.false, judged.duplicates, judged.delays,
    )  # fmt: skip
    assert 30 - 4 - 2 == judged.clean


def test_no_incidents_and_no_pages_give_no_numbers() -> None:
    """NaN, not zero, where nothing could be counted."""
    pooled = referee.pool([referee.judge([], [], (0, WEEK))])

    assert np.isnan(pooled.recall)
    assert np.isnan(pooled.precision)
    assert 0.0 == pooled.false_per_week


def test_the_best_point_keeps_within_the_limit() -> None:
    """Highest recall of those with few enough false pages."""
    points = [
        referee.pool([referee.judge(opens, [(10, 20), (40, 50)], (0, WEEK))])
        for opens in ([12], [12, 45, 100], [12, 45, 100, 200])
    ]
    best = referee.best_at(points, 1.5)

    assert best is points[1]
    assert referee.best_at(points[2:], 0.5) is None


def test_pages_merge_as_by_the_shared_scorer() -> None:
    """A page closes after `calm` ticks at or below the threshold."""
    score = np.array([0, 5, 0, 0, 5, 0, 0, 0, 5, 5, 0], float)
    tool = shared_tool("alarm_score")
    expected = [1, 8] if tool is None else tool.page_times(score, 1.0, 3).tolist()

    assert expected == runs_over(score > 1.0, 3)[0].tolist()
    assert [4, 9] == runs_over(score > 1.0, 3)[1].tolist()


@pytest.mark.parametrize("seed", range(5))
def test_the_challenge_counts_points_as_its_rule_says(seed: int) -> None:
    """A labelled run counts whole if found within its first k + 1 points, else not at all."""
    rng = np.random.default_rng(seed)
    over = rng.random(300) < 0.05
    label = np.repeat(rng.random(30) < 0.3, 10)
    adjusted = over.copy()
    start = 0
    while start < 300:
        end = start
        while end < 300 and label[end] == label[start]:
            end += 1
        if label[start]:
            adjusted[start:end] = any(over[i] for i in range(start, min(start + 8, end)))
        start = end
    tool = shared_tool("alarm_score")
    if tool is not None:
        np.testing.assert_array_equal(adjusted, tool.kpi_adjust(over, label))

    expected = (int((adjusted & label).sum()), int((adjusted & ~label).sum()), int((~adjusted & label).sum()))
    assert expected == referee.kpi_counts(over, label)


def test_f1_of_points() -> None:
    """2 TP / (2 TP + FP + FN), nothing found is 0."""
    assert 0.5 == referee.f1(1, 1, 1)
    assert 0.0 == referee.f1(0, 5, 5)


def test_false_pages_of_a_grid_are_split_by_what_was_on() -> None:
    """The gravest situation counts, a tick before to two after; a page a tick after an incident is right."""
    hour = 3_600_000
    t_ms = np.arange(1000) * hour
    truth = GridTruth(
        incidents=((300 * hour, 310 * hour), (500 * hour, 505 * hour)),
        in_event=(False, True),
        events=((495 * hour, 510 * hour, "anticipated"), (600 * hour, 610 * hour, "unanticipated_low")),
    )

    figures = judge_grid([h * hour for h in (100, 302, 305, 506, 507, 512, 600, 700)], truth, t_ms)

    weeks = 799 / 168
    assert (1.0, 1.0, 1.0) == (figures.recall, figures.recall_quiet, figures.recall_in_events)
    assert pytest.approx(4 / weeks) == figures.false_per_week
    counts = {name: round(rate * weeks) for name, rate in figures.false_by_situation.items()}
    assert {"quiet": 1, "unanticipated_high": 0, "anticipated": 2, "unanticipated_low": 1} == counts
    assert (2 / 6, 0.5, 4.0) == (figures.precision, figures.duplicates_per_found, figures.delay_median)


def test_a_grid_is_judged_as_by_the_shared_scorer() -> None:
    """Random pages on the shipped grid give the figures of score_grid (where it is there), and sensible ones anyway."""
    import pandas as pd

    from benchmarks.quality.read import read_dataset
    from benchmarks.quality.truth import read_grid_truth

    dataset = read_dataset(GRID)
    truth = read_grid_truth(dataset)
    assert truth is not None
    t_ms = dataset.panels[0].t_ms
    opens = np.sort(np.random.default_rng(3).choice(t_ms, 80, replace=False))
    opens = np.sort(np.r_[opens, [start for start, _ in truth.incidents[:5]]])
    ours = judge_grid(opens.tolist(), truth, t_ms)

    assert ours.recall >= 0.5
    tool = shared_tool("score_grid")
    if tool is None:
        return
    theirs = tool.score(str(GRID), pd.DataFrame({"open": pd.to_datetime(opens, unit="ms")}))
    mine = {
        "recall": ours.recall, "recall_quiet": ours.recall_quiet, "recall_in_events": ours.recall_in_events,
        "precision": ours.precision, "false_per_week": ours.false_per_week, "delay_med_steps": ours.delay_median,
        "dup": ours.duplicates_per_found,
        **{f"fpw_{name}": rate for name, rate in ours.false_by_situation.items()},
    }  # fmt: skip
    assert {name: pytest.approx(theirs[name]) for name in mine} == mine
