"""The truth of a simulated world: the data move as the events and incidents say, and no further."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from connectors.simulation import IncidentPlan, Noise, Rates, Volume, World, WorldParameters, make_geography
from connectors.simulation.faults import SHARES
from connectors.simulation.truth import Event, information
from connectors.simulation.unplanned import high_impact_event, low_impact_event
from detector.errors import ConfigError

MINUTE_MS = 60_000
NOTHING = Rates(absent_witnesses=0).only()
BUSY = WorldParameters(
    minutes=1440,
    history_days=0,
    geography=make_geography({"phone": 2, "tv": 2, "browser": 2}, {"eu": 3, "na": 2}),
    volume=Volume(400.0, region_sd=0.3, device_sd=0.3, cell_sd=0.1, leaf_sd=0.1, witness=50_000),
    noise=Noise(),
    rates=NOTHING,
)


def at(minute: int, parameters: WorldParameters = BUSY) -> int:
    return parameters.start_ms + minute * MINUTE_MS


def fault(depth: float, shape: str = "step", kind: str = "device_region") -> IncidentPlan:
    where = (("device", ("tv-2",)), ("region", ("eu-1",)))
    return IncidentPlan(kind, where, at(600), at(700), depth, 2, shape)  # type: ignore[arg-type]


def with_and_without(plan: IncidentPlan) -> tuple[World, NDArray[np.float64], NDArray[np.float64]]:
    world = World(replace(BUSY, incidents=(plan,)))
    return world, world.panel(0, 1440).y, World(BUSY).panel(0, 1440).y


def test_the_cells_of_an_incident_lose_its_depth_and_no_other_cell_changes() -> None:
    """Inside, counts fall by the depth after the onset; outside, every byte is that of the world without it."""
    world, broken, whole = with_and_without(fault(0.4))
    (incident,) = world.truth.incidents
    others = np.setdiff1d(np.arange(len(world.leaves)), incident.cells)
    inside = slice(602, 700)

    ratio = broken[inside, incident.cells].sum() / whole[inside, incident.cells].sum()
    assert 0.6 == pytest.approx(float(ratio), abs=0.01)
    assert whole[:, others].tobytes() == broken[:, others].tobytes()
    assert whole[:600].tobytes() + whole[700:].tobytes() == broken[:600].tobytes() + broken[700:].tobytes()
    assert {("tv-2", "eu-1")} == {world.leaves[row][1:3] for row in incident.cells}


def test_a_surge_adds_to_the_counts() -> None:
    """A negative depth of 2 triples what is expected."""
    world, broken, whole = with_and_without(fault(-2.0, kind="spike"))
    cells = world.truth.incidents[0].cells

    assert 3.0 == pytest.approx(float(broken[602:700, cells].sum() / whole[602:700, cells].sum()), rel=0.15)


def test_a_leak_grows_to_its_end() -> None:
    """The loss of a leak is near nothing at first and near its depth at last."""
    world, broken, whole = with_and_without(fault(0.8, "leak"))
    cells = world.truth.incidents[0].cells
    ratio = broken[600:700, cells].sum(axis=1) / whole[600:700, cells].sum(axis=1)

    assert 0.95 < float(ratio[:5].mean())
    assert 0.23 == pytest.approx(float(ratio[-5:].mean()), abs=0.04)


def test_zero_sends_zeros_and_stuck_one_value() -> None:
    """Both kinds show what they are named for, only while they last."""
    world, dead, _ = with_and_without(fault(1.0, "zero"))
    cells = world.truth.incidents[0].cells
    _, stuck, _ = with_and_without(fault(0.0, "stuck"))

    assert 0 == dead[600:700, cells].sum()
    assert 0 < dead[599, cells].min()
    assert 0 == np.ptp(stuck[600:700, cells], axis=0).max()
    assert 0 < np.ptp(stuck[700:800, cells], axis=0).min()


def test_an_incident_moves_no_witness() -> None:
    """The independent stacks do not know of it."""
    everything = IncidentPlan("region", (), at(600), at(700), 0.9)
    world, broken, whole = with_and_without(everything)

    assert whole[:, world.watched_count :].tobytes() == broken[:, world.watched_count :].tobytes()


def region_change(events: tuple[Event, ...], minute: int, region: str) -> tuple[float, list[float]]:
    """Log change of a region and of its witnesses over 20 minutes against the calm world."""
    world, calm = World(replace(BUSY, events=events)), World(BUSY)
    y, base = world.panel(minute, minute + 20).y.sum(axis=0), calm.panel(minute, minute + 20).y.sum(axis=0)
    ours = [row for row, key in enumerate(world.leaves) if key[0] == "requests" and key[2] == region]
    theirs = [row for row, key in enumerate(world.leaves) if key[0] != "requests" and key[2] == region]
    return float(np.log(y[ours].sum() / base[ours].sum())), np.log(y[theirs] / base[theirs]).tolist()


def test_fine_weather_moves_witnesses_by_a_third_at_most() -> None:
    """A slow event takes .3, .1 and .35 of itself to the three stacks, in its own region only."""
    event = low_impact_event(BUSY, "sunny", "eu-2", at(300), (120, 120, 120), -0.25)
    ours, theirs = region_change((event,), 460, "eu-2")
    elsewhere, _ = region_change((event,), 460, "eu-1")

    assert -0.25 == pytest.approx(ours, abs=0.02)
    assert [-0.075, -0.025, -0.0875] == pytest.approx(theirs, abs=0.005)
    assert 0.0 == pytest.approx(elsewhere, abs=0.01)


def test_breaking_news_hits_within_minutes_and_witnesses_follow() -> None:
    """A sudden event is there after its onset, with the elasticities that were drawn for it."""
    event = high_impact_event(BUSY, "news", "news", ("na-1", "na-2"), at(500), (3, 60), -0.5, (0.8, 0.6, 0.4))
    before, _ = region_change((event,), 480, "na-1")
    ours, theirs = region_change((event,), 510, "na-1")

    assert 0.0 == pytest.approx(before, abs=0.01)
    assert -0.5 == pytest.approx(ours, abs=0.02)
    assert [-0.4, -0.3, -0.2] == pytest.approx(theirs, abs=0.005)


def test_elasticity_zero_keeps_every_witness_calm() -> None:
    """The knob scales how far witnesses follow."""
    stiff = replace(BUSY, elasticity=0.0)
    event = high_impact_event(stiff, "cut", "power_cut", ("na-1",), at(500), (3, 60), -0.5, (0.8, 0.6, 0.4))
    _, theirs = region_change((event,), 510, "na-1")

    assert [0.0, 0.0, 0.0] == pytest.approx(theirs, abs=0.005)


def test_a_power_cut_takes_half_as_much_from_phones() -> None:
    """Mobiles live on batteries."""
    event = high_impact_event(BUSY, "cut", "power_cut", ("na-1",), at(500), (1, 60), -1.0, (1.0, 1.0, 1.0))
    world = World(replace(BUSY, events=(event,)))
    y, base = world.panel(510, 540).y.sum(axis=0), World(BUSY).panel(510, 540).y.sum(axis=0)
    change = {
        family: np.log(y[rows].sum() / base[rows].sum())
        for family in ("phone", "tv")
        if (rows := [i for i, k in enumerate(world.leaves) if k[1].startswith(family) and k[2] == "na-1"])
    }

    assert {"phone": pytest.approx(-0.5, abs=0.02), "tv": pytest.approx(-1.0, abs=0.02)} == change


@pytest.fixture(scope="module")
def full() -> World:
    return World(WorldParameters())


def test_every_situation_occurs_as_often_as_its_rate_says(full: World) -> None:
    """Nine weeks hold the planned, slow and sudden events and the incidents of the last five weeks."""
    truth = full.truth
    begin = full.parameters.start_ms + 28 * 86_400_000
    by_class = [e.event_class for e in truth.of_kind("anticipated")]

    assert 36 == pytest.approx(by_class.count("match"), abs=2)
    assert 9 == pytest.approx(by_class.count("exclusive"), abs=1)
    assert 4 == pytest.approx(by_class.count("launch"), abs=1)
    assert 20 * 9 * 1.5 == pytest.approx(len(truth.of_kind("low_impact")), rel=0.2)
    assert 14 == pytest.approx(len(truth.of_kind("high_impact")), abs=1)
    assert all(e.start_ms >= begin for e in truth.of_kind("high_impact"))
    assert all(i.start_ms >= begin for i in truth.incidents)
    assert set(SHARES) == {i.plan.kind for i in truth.incidents}


@pytest.mark.parametrize("seed", [7, 11, 12])
def test_nine_in_ten_incidents_are_identifiable(seed: int) -> None:
    """Some 180-200 of about 205 incidents in five weeks carry enough information to be found."""
    truth = World(WorldParameters(seed=seed)).truth

    assert 0.85 < len(truth.identifiable()) / len(truth.incidents) < 0.98
    assert 195 <= len(truth.incidents) <= 210


def test_incidents_have_the_declared_shapes(full: World) -> None:
    """Depths, onsets and lengths stay in their ranges; cells are as many as the cuboid has."""
    for incident in full.truth.incidents:
        plan = incident.plan
        minutes = (plan.end_ms - plan.start_ms) / MINUTE_MS
        assert 15 <= minutes <= 420
        assert 1 <= plan.onset_minutes <= 4
        assert plan.kind in ("spike", "stuck") or 0.12 <= plan.depth <= 1
        assert 0 < len(incident.cells) <= full.watched_count


def test_switching_one_situation_off_leaves_the_others_as_they_were(full: World) -> None:
    """Every kind has its own stream of random numbers."""
    rates = full.parameters.rates.only("anticipated", "high_impact")
    fewer = World(replace(full.parameters, rates=rates)).truth

    assert () == fewer.incidents
    assert full.truth.of_kind("anticipated") == fewer.of_kind("anticipated")
    assert full.truth.of_kind("high_impact") == fewer.of_kind("high_impact")
    assert () == fewer.of_kind("low_impact")


def test_forced_overlap_starts_every_incident_inside_a_sudden_event() -> None:
    """For the audit: each incident begins while a high-impact event of its region is on."""
    world = World(WorldParameters(forced_overlap=True))
    events = world.truth.of_kind("high_impact")

    assert 50 < len(world.truth.incidents)
    for incident in world.truth.incidents:
        regions = {world.leaves[row][2] for row in incident.cells}
        assert any(e.start_ms <= incident.start_ms <= e.end_ms and regions & set(e.regions) for e in events)


def test_a_dirty_history_holds_incidents_too() -> None:
    """The knob `history` lets things go wrong before the scored weeks begin."""
    world = World(WorldParameters(rates=Rates(history=0.5)))
    begin = world.parameters.start_ms + 28 * 86_400_000

    assert 75 < sum(i.start_ms < begin for i in world.truth.incidents) <= 84


def test_information_follows_its_formula() -> None:
    """½ log(1-depth)² Σ 1/(1/(mu H) + .03²): by hand for two cells and half an hour."""
    plan = IncidentPlan("device_region", (), 0, 30 * MINUTE_MS, 0.5)
    by_hand = 0.5 * np.log(0.5) ** 2 * (1 / (1 / 60 + 0.0009) + 1 / (1 / 300 + 0.0009))

    assert by_hand == pytest.approx(information(plan, np.array([2.0, 10.0])))


def test_a_place_that_does_not_exist_is_refused() -> None:
    """The error names the dimension and the value."""
    plan = IncidentPlan("region", (("region", ("mars-1",)),), at(10), at(20), 0.5)
    world = World(replace(BUSY, incidents=(plan,)))

    with pytest.raises(ConfigError, match=r"where\.region: no such value 'mars-1'"):
        _ = world.truth
