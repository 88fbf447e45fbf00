"""What `/metrics` says of the daemon."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from suppression.reasons import ENDS, REASONS
from tests.tocsin import fake_view
from tests.tocsin.fake_view import NOW
from tocsin.metrics import Metrics
from tocsin.status import Status
from tocsin.status_metrics import lag_seconds, topic_and_partition

REFERENCE = Path(__file__).parents[2] / "docs/reference/metrics.md"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(text: bytes) -> Samples:
    """Samples of an exposition by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_every_combination_of_the_small_enums_exists_from_the_start() -> None:
    """A counter that appears at its first increment hides it from `increase()`."""
    names = samples(Metrics(sinks=("hook",)).render()[0])

    assert len(REASONS) == sum(name == "tocsin_alarm_candidates_held_total" for name, _ in names)
    assert 3 * len(ENDS) == sum(name == "tocsin_alarms_resolved_total" for name, _ in names)
    assert 3 == sum(name == "tocsin_ticks_total" for name, _ in names)
    assert 4 == sum(name == "tocsin_notifications_failed_total" for name, _ in names)


def test_outcomes_are_counted() -> None:
    """Ticks, candidates, holds, alarms told and ended are counted as they come."""
    view = fake_view.fake_view()

    found = samples(view.metrics_text()[0])

    assert 180 == found["tocsin_ticks_total", (("result", "ok"),)]
    assert 1 == found["tocsin_alarm_candidates_held_total", (("reason", "calendar"),)]
    assert 1 == found["tocsin_alarms_fired_total", (("severity", "critical"),)]
    assert 2 == found["tocsin_alarms_fired_total", (("severity", "warning"),)]
    assert 1 == found["tocsin_alarms_resolved_total", (("end", "adapted"), ("severity", "warning"))]


def test_an_alarm_that_was_never_told_does_not_count_as_resolved() -> None:
    """Only ends of told alarms are counted; the held one's end is in the ledger."""
    found = samples(fake_view.fake_view().metrics_text()[0])

    assert 0 == found["tocsin_alarms_resolved_total", (("end", "recovered"), ("severity", "info"))]


def test_a_slow_tick_is_told_apart() -> None:
    """A tick that takes more than half of its interval is slow."""
    metrics, outcome = Metrics(), fake_view.outcomes(fake_view.index())[0]
    metrics.on_outcome(outcome, 29.0)
    metrics.on_outcome(outcome, 31.0)
    metrics.tick_failed()

    found = samples(metrics.render()[0])

    assert [1, 1, 1] == [found["tocsin_ticks_total", (("result", r),)] for r in ("ok", "slow", "failed")]


def test_fates_of_samples_are_counted_by_topic_and_partition() -> None:
    """Engine and source tell cumulative numbers; every other fate of a known partition is zero."""
    found = samples(Metrics(fake_view.status).render()[0])

    labels = {"topic": "t", "partition": "0", "result": "rejected", "reason": "bad_value"}
    assert 2 == found["tocsin_samples_total", tuple(sorted(labels.items()))]
    assert 0 == found["tocsin_samples_total", tuple(sorted((labels | {"partition": "1"}).items()))]


def test_lag_is_zero_when_caught_up_and_counts_from_record_time_otherwise() -> None:
    """An old record that was read long ago is no lag."""
    assert [0.0, 5.0, None] == [lag_seconds(0, 1000, 6.0), lag_seconds(3, 1000, 6.0), lag_seconds(3, None, 6.0)]


def test_files_have_no_kafka_lag() -> None:
    """Their record time is event time, which no wall clock can be compared with."""
    status = Status(partitions=("data.csv",), lag={"data.csv": (0, 1000)}, fates={"data.csv": {("scored", ""): 1}})

    names = {name for name, _ in samples(Metrics(lambda: status).render()[0])}

    assert ("data.csv", "0") == topic_and_partition("data.csv")
    assert "tocsin_samples_total" in names
    assert not names & {"tocsin_last_record_timestamp_seconds", "tocsin_kafka_consumer_lag_seconds"}


def test_a_calendar_event_is_shown_only_while_it_is_on() -> None:
    """`tocsin_calendar_event_active` is 1 or absent."""
    metrics = Metrics()
    during, after = (fake_view.outcomes(fake_view.index())[tick] for tick in (120, 175))

    metrics.on_outcome(during)
    on = samples(metrics.render()[0])
    metrics.on_outcome(after)
    off = samples(metrics.render()[0])

    key = ("tocsin_calendar_event_active", (("event_id", "premiere-1120"),))
    assert (1, False) == (on[key], key in off)


def test_openmetrics_carries_the_alarm_id_as_exemplar() -> None:
    """Grafana jumps from the counter to the alarm's page."""
    text, content_type = fake_view.fake_view().metrics_text("application/openmetrics-text; version=1.0.0")

    exemplars = [
        sample.exemplar.labels["alarm_id"]
        for family in openmetrics(text.decode())
        for sample in family.samples
        if sample.name == "tocsin_alarms_fired_total" and sample.exemplar
    ]

    assert content_type.startswith("application/openmetrics-text")
    assert 2 == len(exemplars)


def test_the_reference_page_lists_exactly_what_is_exported() -> None:
    """docs/reference/metrics.md names every family of both paths, and nothing else."""
    exported = set(fake_view.exported_names())
    documented = {
        cell.strip().strip("`")
        for line in REFERENCE.read_text().splitlines()
        if line.startswith("| `tocsin_")
        for cell in line.split("|")[1].split(",")
    }

    assert exported == documented


def test_delivery_is_counted_by_sink() -> None:
    """Acknowledged deliveries, failed attempts, and the age of an alarm when it was sent."""
    metrics = Metrics(lambda: Status(queue_length={"hook": 2}), sinks=("hook",))
    metrics.delivered("hook", 0.02, 4.0)
    metrics.delivery_failed("hook", "timeout")
    metrics.stage_took("score", 0.002)

    found = samples(metrics.render()[0])

    assert 1 == found["tocsin_notifications_total", (("sink", "hook"),)]
    assert 1 == found["tocsin_notifications_failed_total", (("reason", "timeout"), ("sink", "hook"))]
    assert 2 == found["tocsin_notification_queue_length", (("sink", "hook"),)]
    assert 1 == found["tocsin_end_to_end_delay_seconds_count", ()]
    assert 1 == found["tocsin_tick_duration_seconds_count", (("stage", "score"),)]


def test_the_newest_snapshot_is_known_by_its_time() -> None:
    """Absent until one succeeded, so that an alert on its age does not fire at the epoch."""
    with_one, without = samples(Metrics(fake_view.status).render()[0]), samples(Metrics().render()[0])

    key = ("tocsin_snapshot_last_success_timestamp_seconds", ())
    assert (NOW / 1000, False) == (with_one[key], key in without)
