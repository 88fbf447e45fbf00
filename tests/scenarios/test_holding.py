"""What is held, by which reason, and when it is let go."""

from __future__ import annotations

import math

from suppression.controls import Controls
from tests.scenarios.stage import Told, kinds, perform, planned, silence, together, when, without_witnesses

MATCH = when(0.6, 60, 240, region="eu")
CALENDAR = Controls(calendar=planned(60, 240, region="eu"))
CUT = together(
    when(0.5, 60, 200, region="eu"),
    when(0.6, 60, 200, region="eu", metric="cdn"),
    when(0.6, 60, 200, region="eu", metric="dns"),
)


def in_place(told: list[Told]) -> list[Told]:
    """Events of the whole region."""
    return [t for t in told if t.data["cuboid"]["first"] == {"region": "eu"}]


def pages(told: list[Told]) -> list[Told]:
    return [t for t in told if t.told]


def test_a_planned_event_is_held_as_calendar() -> None:
    """It falls by 40 % as announced: nobody is told, the ledger says what would have been and why not."""
    told = perform(MATCH, 400, CALENDAR)

    assert [] == pages([t for t in told if t.minute < 240])
    assert ["held", "resolved"] == kinds(in_place(told))
    held = in_place(told)[0]
    assert ["calendar"] == held.reasons
    assert 55 <= held.minute <= 70
    assert held.data["suppression"]["would_have_fired_at"] is not None
    assert "match" == held.data["evidence"]["event"]["id"]
    assert held.data["evidence"]["event"]["explains"]
    assert held.data["evidence"]["checks"]["calendar"]


def test_the_same_fall_without_a_calendar_fires() -> None:
    """What the calendar explains is a real deviation."""
    assert "fired" in kinds(in_place(perform(MATCH, 120)))


def test_a_device_outage_during_a_planned_event_fires() -> None:
    """The event explains all devices alike, not one of them."""
    told = perform(together(MATCH, when(0.02, 120, 230, device="tv", region="eu")), 300, CALENDAR)
    fired = [t for t in pages(told) if t.type == "fired" and t.minute < 240]

    assert {"device": "tv", "region": "eu"} == fired[0].cuboid
    assert 120 <= fired[0].minute <= 180
    assert "calendar" not in fired[0].reasons


def test_what_outgrows_its_event_is_told() -> None:
    """Announced were 20 to 60 %; 80 % are missing for a quarter of an hour."""
    told = perform(when(0.2, 60, 240, region="eu"), 200, CALENDAR)

    assert 75 >= pages(told)[0].minute
    assert {"region": "eu"} == pages(told)[0].cuboid


def test_what_outlives_its_event_is_told() -> None:
    """The tail is over and the fall goes on."""
    told = perform(when(0.6, 60, 400, region="eu"), 330, CALENDAR)

    assert pages(told)
    assert 240 <= pages(told)[0].minute <= 280
    assert {"region": "eu"} == pages(told)[0].cuboid


def test_what_goes_the_wrong_way_is_told() -> None:
    """A rise is not explained by an event that says "down"."""
    told = pages(perform(when(1.5, 60, 240, region="eu"), 200, CALENDAR))

    assert told
    assert {"up"} == {t.data["direction"] for t in told}


def test_an_event_of_another_place_explains_nothing() -> None:
    """Scope is part of the explanation."""
    calendar = Controls(calendar=planned(60, 240, region="us"))

    assert "fired" in kinds(in_place(perform(MATCH, 120, calendar)))


def test_a_mute_holds_whatever_happens_in_its_scope() -> None:
    """The action of an approved event; nothing is told, also not at its end when the fault is over."""
    mute = Controls(calendar=planned(30, 300, region="eu", action="mute", change=None))
    told = perform(when(0.2, 60, 200, device="tv", region="eu"), 400, mute)
    mine = [t for t in told if t.cuboid == {"device": "tv", "region": "eu"}]

    assert [] == [t for t in pages(told) if t.data["cuboid"]["first"].get("region") == "eu"]
    assert ["held", "resolved"] == kinds(mine)
    assert "mute" == mine[0].reasons[0]


def test_a_silence_holds_and_lets_go_when_it_expires() -> None:
    """A person's silence until minute 150; the fault goes on, so it is told then."""
    quiet = Controls(silences=(silence(0, 150, region="eu"),))
    told = perform(when(0.2, 60, 300, device="tv", region="eu"), 200, quiet)
    mine = [t for t in told if t.cuboid == {"device": "tv", "region": "eu"}]

    assert ["held", "released"] == kinds(mine)
    assert ["silence"] == mine[0].reasons
    assert "ann: known fault" == mine[0].data["suppression"]["reasons"][0]["by"]
    assert 150 == mine[1].minute
    assert mine[0].alarm_id == mine[1].alarm_id
    assert mine[1].data["suppression"]["released"]


def test_a_fault_that_ends_under_a_silence_is_never_told() -> None:
    """It stays in the ledger as recovered."""
    quiet = Controls(silences=(silence(0, 210, region="eu"),))
    told = perform(when(0.2, 60, 200, device="tv", region="eu"), 400, quiet)

    assert [] == [t for t in pages(told) if t.data["cuboid"]["first"].get("region") == "eu"]
    assert "recovered" == [t for t in told if t.type == "resolved"][-1].end


def test_news_that_witnesses_saw_too_is_held_as_stack() -> None:
    """A power cut: the independent stacks of the region fell with us; all of it passes untold."""
    told = perform(CUT, 400)

    assert [] == pages(in_place(told))
    assert ["held", "resolved"] == kinds(in_place(told))
    held = in_place(told)[0]
    assert ["stack"] == held.reasons
    assert {"cdn", "dns"} == {w["metric"] for w in held.data["evidence"]["witnesses"]}
    assert all(w["llr"] > 0 and w["age_ticks"] == 0 for w in held.data["evidence"]["witnesses"])


def test_it_is_released_when_the_witnesses_recover_and_we_do_not() -> None:
    """Fifteen minutes of contradiction, once their sums have forgotten the fall."""
    stays = together(CUT, when(0.5, 200, 400, region="eu"))
    told = in_place(perform(stays, 330))

    assert ["held", "released"] == kinds(told)
    assert 215 <= told[1].minute <= 300


def test_it_is_held_four_hours_at_most() -> None:
    """The witnesses are down as long as we are: after four hours people are told all the same."""
    together_down = [
        when(f, 60, 900, region="eu", **m) for f, m in ((0.5, {}), (0.6, {"metric": "cdn"}), (0.6, {"metric": "dns"}))
    ]
    told = in_place(perform(together(*together_down), 330))

    assert ["held", "released"] == kinds(told)
    assert 300 <= told[1].minute <= 310


def test_without_witnesses_a_place_pages_at_once() -> None:
    """No evidence is not calm."""
    told = in_place(perform(when(0.5, 60, 240, region="eu"), 120, schema=without_witnesses()))

    assert ["fired"] == kinds(told)
    assert told[0].minute <= 70


def test_silent_witnesses_are_no_evidence() -> None:
    """They have been missing for half an hour: it pages as if there were none."""
    gone = [when(math.nan, 20, 900, region="eu", metric=m) for m in ("cdn", "dns")]
    told = in_place(perform(together(when(0.5, 60, 240, region="eu"), *gone), 120))

    assert ["fired"] == kinds(told)
    assert told[0].minute <= 70


def test_witnesses_that_stay_calm_contradict() -> None:
    """The region fell and its stacks did not: told within minutes."""
    told = in_place(perform(when(0.5, 60, 240, region="eu"), 120))

    assert "fired" == told[0].type
    assert told[0].minute <= 75
    assert all(w["llr"] < 0 for w in told[0].data["evidence"]["witnesses"])


def test_a_slow_drift_of_a_whole_audience_is_not_told() -> None:
    """Sunny weather: -12 % over hours, no break in the trend, everybody alike; the stacks feel a third and a tenth."""
    felt = {"requests": 0.12, "cdn": 0.04, "dns": 0.012}

    def weather(t: int, key: tuple[str, ...]) -> float:
        return 1 - felt[key[0]] * min(max((5 * t - 60) / 240, 0), 1) if "eu" in key else 1.0

    assert [] == [t for t in pages(perform(weather, 330)) if t.data["direction"] == "down"]
