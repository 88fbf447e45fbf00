"""What `/metrics/series` shows of alarms, rows and places."""

from __future__ import annotations

from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from tests.tocsin import fake_view
from tests.tocsin.fake_view import SCHEMA, body, event, held, outcomes
from tocsin.series_exposition import SeriesExposition

Samples = dict[str, list[tuple[dict[str, str], float]]]


def shown(exposition: SeriesExposition) -> Samples:
    """Samples by family."""
    families = text_string_to_metric_families(exposition.render().decode())
    return {f.name: [(dict(s.labels), s.value) for s in f.samples] for f in families}


def test_an_alarm_is_one_or_absent() -> None:
    """Like ALERTS: the first cuboid's labels while it fires, gone once it is resolved."""
    exposition = SeriesExposition(SCHEMA)
    [first, second, *_] = outcomes(fake_view.index())
    alarm = body({"device": "ios"}, 0)
    exposition.on_outcome(replace(first, events=(event("fired", alarm, 0),)))
    during = shown(exposition)["tocsin_alarm_active"]
    exposition.on_outcome(replace(second, events=(event("resolved", alarm | {"state": "resolved"}, 1),)))
    after = shown(exposition)["tocsin_alarm_active"]

    labels = {"metric": "requests", "device": "ios", "region": "*", "activity": "*"}
    assert [(labels | {"direction": "down", "severity": "critical"}, 1.0)] == during
    assert [] == after


def test_a_parent_level_is_a_label_of_its_own() -> None:
    """`device.family=phone` is written device="*", device_family="phone"."""
    exposition = SeriesExposition(SCHEMA)
    exposition.restore([body({"device.family": "phone"}, 0)])

    [(labels, _)] = shown(exposition)["tocsin_alarm_active"]

    assert ("*", "phone") == (labels["device"], labels["device_family"])


def test_a_held_candidate_bears_its_first_reason() -> None:
    """Held ones have a metric of their own and never look active."""
    exposition = SeriesExposition(SCHEMA)
    exposition.restore([body({"device": "tv"}, 0, state="held", suppression=held("stack", "cdn_bytes", 9))])

    found = shown(exposition)

    assert [] == found["tocsin_alarm_active"]
    assert ["stack"] == [labels["reason"] for labels, _ in found["tocsin_alarm_held"]]


def test_two_alarms_of_one_first_cuboid_are_one_sample() -> None:
    """A duplicate sample would make Prometheus refuse the whole scrape."""
    exposition = SeriesExposition(SCHEMA)
    exposition.restore([body({"device": "tv"}, 0), body({"device": "tv"}, 5)])

    assert 1 == len(shown(exposition)["tocsin_alarm_active"])


def test_rows_of_alarms_are_shown_by_default_and_all_on_request() -> None:
    """`active` is rows that are part of an alarm; `places` adds roll-ups of places; `all` is everything."""
    counts = {}
    for expose in ("active", "places", "all"):
        exposition = SeriesExposition(SCHEMA, expose=expose, max_series=10_000)
        exposition.on_outcome(outcomes(fake_view.index())[-1])
        counts[expose] = len(shown(exposition)["tocsin_surprise"])

    rows = len(fake_view.index())
    # three cells of iOS in the west fire; each of three regions has a roll-up of requests and a row of cdn_bytes
    assert {"active": 3, "places": 9, "all": rows} == counts


def test_the_cap_keeps_alarms_first_and_says_how_much_it_left_out() -> None:
    """A cut scrape is seen in `tocsin_exposition_truncated`, and never loses an alarm before a row."""
    left_out: list[int] = []
    exposition = SeriesExposition(SCHEMA, expose="all", max_series=50, on_truncated=left_out.append)
    exposition.on_outcome(outcomes(fake_view.index())[-1])
    exposition.restore([body({"device": "tv"}, 0)])

    found = shown(exposition)

    assert 50 == sum(len(samples) for samples in found.values())
    assert 1 == len(found["tocsin_alarm_active"])
    assert left_out[-1] > 0


def test_places_are_counted_by_state() -> None:
    """Watched leaves only: nine cells a region, three of the west fire; shares are of the declared product."""
    exposition = SeriesExposition(SCHEMA)
    exposition.on_outcome(outcomes(fake_view.index())[-1])

    found = shown(exposition)

    place = {(labels["region"], labels["state"]): value for labels, value in found["tocsin_place_series"]}
    share = {(labels["region"], labels["state"]): value for labels, value in found["tocsin_coverage_ratio"]}
    assert (3, 6, 9) == (place["eu-west", "firing"], place["eu-west", "calm"], place["us-east", "calm"])
    assert 0.3333 == round(share["eu-west", "firing"], 4)


def test_state_counts_name_every_state() -> None:
    """What `tocsin_series` shows: 27 watched leaves, three of them firing."""
    exposition = SeriesExposition(SCHEMA)
    exposition.on_outcome(outcomes(fake_view.index())[-1])

    counts = exposition.state_counts()

    assert (24, 3, 0) == (counts["calm"], counts["firing"], counts["held"])


def test_nothing_is_shown_before_the_first_tick() -> None:
    """A scrape right after the start is empty, not an error."""
    found = shown(SeriesExposition(SCHEMA))

    assert [] == [sample for samples in found.values() for sample in samples]


def test_values_are_shown_only_on_request_and_under_their_metric() -> None:
    """One name has one unit, hence each metric has names of its own."""
    names = []
    for values in (False, True):
        exposition = SeriesExposition(SCHEMA, expose="places", max_series=10_000, values=values)
        exposition.on_outcome(outcomes(fake_view.index())[-1])
        names.append({name: len(samples) for name, samples in shown(exposition).items()})

    extra = {name: count for name, count in names[1].items() if name not in names[0]}
    of_requests = {f"tocsin_requests_{part}": 6 for part in ("observed", "expected", "lower", "upper")}
    assert of_requests | {name.replace("requests", "cdn_bytes"): 3 for name in of_requests} == extra
