"""An alarm's life: fired once, updated when acknowledged or graver, resolved as it ended; one id for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest

from suppression.alarm import alarm_id
from suppression.controls import Controls
from suppression.lifecycle import SEVERITIES, severity
from tests.scenarios.stage import (
    HOUR_MS,
    PARAMETERS,
    START_MS,
    TICK_MS,
    Told,
    calm,
    kinds,
    perform,
    together,
    when,
)

OUTAGE = when(0.2, 60, 240, device="tv", region="eu")


def of(told: list[Told], **cuboid: str) -> list[Told]:
    """The events of alarms whose first cuboid is this one."""
    return [t for t in told if t.data["cuboid"]["first"] == cuboid]


def test_a_calm_day_tells_nobody_anything() -> None:
    """Ten hours of noise."""
    assert [] == perform(calm, 600)


def test_an_outage_fires_once_and_resolves_as_recovered() -> None:
    """Told within two ticks of its start, over within two hours of its end, one alarm on the smallest cuboid."""
    #  60 ─ fired 65 ─────────── 240 ── resolved
    # ▁▁▁▁▁▁████████████████████████▁▁▁▁▁▁▁▁▁▁▁
    told = perform(OUTAGE, 400)

    assert ["fired", "resolved"] == kinds([t for t in told if t.told])
    assert {"device": "tv", "region": "eu"} == told[0].cuboid
    assert 60 <= told[0].minute <= 70
    assert 240 < told[-1].minute <= 360
    assert "recovered" == told[-1].end
    assert pytest.approx(-0.8, abs=0.1) == told[0].data["deviation"]


def test_what_is_over_is_described_at_its_worst() -> None:
    """An hour after the outage all is calm, and the resolved alarm still says how bad it was, with signed peaks."""
    told = of(perform(OUTAGE, 400), device="tv", region="eu")
    last = told[-1].data

    assert "resolved" == last["state"]
    assert pytest.approx(-0.8, abs=0.05) == last["deviation"]
    assert last["observed"] < last["lower"] < last["expected"] < last["upper"]
    assert last["summary"].startswith("requests on tv in eu were 8")
    assert last["evidence"]["votes"]["for"] >= 2
    for scorer in last["evidence"]["scorers"]:
        assert scorer["peak"] <= min(scorer["surprise"], 0)


def test_evidence_counts_peers_in_words() -> None:
    """Plural names of the dimensions along which a cell has siblings."""
    told = of(perform(OUTAGE, 120), device="tv", region="eu")
    contrast = next(s for s in told[0].data["evidence"]["scorers"] if s["name"] == "correlation")

    assert "contrast with 3 devices and 3 regions and the independent stack, in sd" == contrast["explains"]


def test_a_permanent_level_shift_ends_as_adapted() -> None:
    """Hot for as long as the freeze limit: the new level is normal, and it does not fire again."""
    told = perform(
        when(0.4, 60, 99_999, device="tv", region="eu"),
        900,
        parameters=replace(PARAMETERS, freeze_limit_ms=6 * HOUR_MS),
    )
    mine = of(told, device="tv", region="eu")

    assert ["fired", "resolved"] == kinds(mine)
    assert "adapted" == mine[-1].end
    assert 60 + 6 * 60 <= mine[-1].minute <= 60 + 6 * 60 + 30
    assert not [t for t in told if t.minute > 500 and t.type == "fired"]


def test_zeros_where_much_is_due_fire_as_a_zero_run() -> None:
    """One leaf sends nothing but zeros."""
    told = perform(when(0, 60, 120, device="tv", region="eu", activity="play"), 200)
    fired = [t for t in told if t.type == "fired"]

    assert fired[0].minute <= 70
    assert "tv" == fired[0].data["cuboid"]["first"]["device"]
    assert any("nothing but zeros" in t.data["summary"] for t in told)


def test_a_value_that_never_changes_fires_as_stuck() -> None:
    """The expectation goes on, the value stands still: ten equal counts of hundreds are no chance."""
    from tests.scenarios import stage

    leaf = ("requests", "tv", "eu", "play")
    usual = float(stage.counts(12, 1)[0, stage.KEYS.index(leaf)])

    def stuck(t: int, key: tuple[str, ...]) -> float:
        if key != leaf or not 60 <= 5 * t < 150:
            return 1.0
        return (usual + 0.5) / float(stage.counts(t, 1)[0, stage.KEYS.index(leaf)])

    told = [t for t in perform(stuck, 200) if t.type == "fired"]

    assert any("the same value again and again" in t.data["summary"] for t in told)
    assert {"device": "tv", "region": "eu", "activity": "play"} == told[0].data["cuboid"]["first"]


def test_an_acknowledgement_is_told_as_an_update() -> None:
    """Once, and the flag stays in every later revision."""

    def controls(minute: int, told: list[Told]) -> Controls:
        return Controls(acknowledged=frozenset(t.alarm_id for t in told if minute >= 100))

    told = of(perform(OUTAGE, 400, controls), device="tv", region="eu")

    assert ["fired", "updated", "resolved"] == kinds(told)
    assert 100 == told[1].minute
    assert [False, True, True] == [t.data["acknowledged"] for t in told]
    assert "firing" == told[1].state


def test_a_withdrawn_alarm_ends_as_withdrawn() -> None:
    """A person said that it is not real: it ends, and is not told again while the fault goes on."""

    def controls(minute: int, told: list[Told]) -> Controls:
        return Controls(withdrawn=frozenset(t.alarm_id for t in told[:1] if minute >= 100))

    told = of(perform(OUTAGE, 220, controls), device="tv", region="eu")

    assert ["fired", "resolved"] == kinds(told)
    assert (100, "withdrawn", "resolved") == (told[-1].minute, told[-1].end, told[-1].state)


def test_an_alarm_id_is_the_same_in_a_replay() -> None:
    """The hash of start tick, metric, first cuboid and direction; bodies are equal too."""
    first, again = perform(OUTAGE, 300), perform(OUTAGE, 300)
    start = START_MS + 60 * 60_000

    assert [(t.id, t.data) for t in first] == [(t.id, t.data) for t in again]
    assert alarm_id(start, "requests", {"device": "tv", "region": "eu"}, "down") == first[0].alarm_id


def test_a_replay_from_the_middle_of_history_names_the_alarm_alike() -> None:
    """Configuration is no part of the id."""
    first = perform(OUTAGE, 200)
    again = perform(OUTAGE, 200, parameters=replace(PARAMETERS, budget=9.0))

    assert first[0].alarm_id == again[0].alarm_id


def test_revisions_count_up_and_severity_never_falls() -> None:
    """An outage that halves after an hour keeps its severity; every event has the next revision."""
    told = perform(
        together(when(0.5, 60, 120, region="na", device="web"), when(0.2, 120, 240, region="na", device="web")), 400
    )
    by_alarm: dict[str, list[Told]] = {}
    for t in told:
        by_alarm.setdefault(t.alarm_id, []).append(t)

    assert told
    for mine in by_alarm.values():
        assert list(range(1, len(mine) + 1)) == [t.revision for t in mine]
        grades = [SEVERITIES.index(t.severity) for t in mine]
        assert sorted(grades) == grades


@pytest.mark.parametrize(
    ("share", "fused", "fixed", "before", "grade"),
    [
        (0.001, 5, None, "info", "info"),
        (0.02, 5, None, "info", "warning"),
        (0.2, 5, None, "info", "critical"),
        (0.02, 12, None, "info", "critical"),
        (0.001, 5, None, "critical", "critical"),
        (0.9, 15, "info", "info", "info"),
    ],
)
def test_severity_is_the_share_of_the_volume_that_is_lost(
    share: float, fused: float, fixed: str | None, before: str, grade: str
) -> None:
    """1 % warning, 10 % critical, one up for a very sure one; a fixed one wins; it never falls."""
    assert grade == severity(share, fused, fixed, before)


def test_a_fault_that_comes_back_soon_continues_its_alarm() -> None:
    """The same cells within half an hour of the end: one id, no second start."""
    told = of(perform(OUTAGE, 400), device="tv", region="eu")
    resolved = told[-1].minute
    again = together(OUTAGE, when(0.2, resolved + 10, resolved + 120, device="tv", region="eu"))
    told = of(perform(again, resolved + 250), device="tv", region="eu")

    assert 1 == len({t.alarm_id for t in told})
    assert "resolved" == told[-1].type


def test_an_alarm_of_the_engine_starts_at_a_tick() -> None:
    """`starts_at` is the tick before the one that showed it."""
    told = perform(OUTAGE, 100)

    assert "2026-01-09T01:00:00Z" == told[0].data["starts_at"]
    assert START_MS + 65 * 60_000 == told[0].tick_ms
    assert 0 == told[0].tick_ms % TICK_MS
