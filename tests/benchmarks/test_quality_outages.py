"""Outages: generated sessions whose data goes missing, judged by the engine."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.quality.outages import SCENARIOS, Scenario, generate, judge, line, main
from detector.schema import MINUTE_MS


def test_scenarios_are_permanent() -> None:
    """Ids and numbers are unique; what is generated is always the same."""
    assert len({s.id for s in SCENARIOS}) == len({s.number for s in SCENARIOS}) == len(SCENARIOS)
    _, y, out = generate(SCENARIOS[1])
    _, again, _ = generate(SCENARIOS[1])

    assert np.array_equal(y, again, equal_nan=True)
    assert np.isnan(y[out]).all()
    assert 304 == round(float(y[0, 0]))


def test_an_outage_is_found_by_its_gap_and_losses_are_no_news() -> None:
    """Ten days of five minutes with outages; the same losing a tenth of its samples one by one."""
    found = judge(Scenario("short", 11, 5 * MINUTE_MS, 10, outages=4), 0.5)
    lossy = judge(Scenario("lossy", 12, 5 * MINUTE_MS, 10, lost=0.1), 0.5)

    assert found.outages >= 6
    assert found.found > 0.7 * found.outages
    assert found.found > found.found_by_values
    assert f"{found.found / found.outages:.2f}" in line(found)
    assert lossy.false / lossy.series_weeks < 1


def test_one_scenario_can_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    """None of that name: the head of the table alone."""
    assert 0 == main(["--only", "none"])
    assert 1 == len(capsys.readouterr().out.splitlines())
