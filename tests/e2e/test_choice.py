"""Which broker runs, and what happens where a part is absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e import apache_kafka, tansu
from tests.e2e import broker as brokers
from tests.e2e.parts import Part, absent, parts, require

pytestmark = pytest.mark.e2e


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOCSIN_TEST_KAFKA", raising=False)
    monkeypatch.delenv("TOCSIN_TEST_BROKER", raising=False)


def test_a_given_broker_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """TOCSIN_TEST_KAFKA is used before anything is started."""
    monkeypatch.setenv("TOCSIN_TEST_KAFKA", "broker:9092")

    assert ("given", "the one at broker:9092 (TOCSIN_TEST_KAFKA)") == brokers.choice()


def test_a_given_broker_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A wrong address is named with what was expected."""
    monkeypatch.setenv("TOCSIN_TEST_KAFKA", "nowhere")

    with (
        pytest.raises(brokers.BrokerAbsentError, match="TOCSIN_TEST_KAFKA=nowhere: expected host:port"),
        brokers.running(tmp_path),
    ):
        pass


def test_without_java_the_stand_in_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tansu is chosen where Apache Kafka cannot run, and the header says why."""
    monkeypatch.setattr(apache_kafka, "why_not", lambda: "no Java")
    monkeypatch.setattr(tansu, "why_not", lambda: "")

    assert ("tansu", "Tansu (no Java)") == brokers.choice()


def test_where_nothing_can_run_both_reasons_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Java and without the package, the header says both."""
    monkeypatch.setattr(apache_kafka, "why_not", lambda: "no Java")
    monkeypatch.setattr(tansu, "why_not", lambda: "no package")

    assert ("", "none (no Java; no package)") == brokers.choice()


def test_an_unknown_wish_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """TOCSIN_TEST_BROKER knows two words."""
    monkeypatch.setenv("TOCSIN_TEST_BROKER", "redpanda")

    assert ("", "none: TOCSIN_TEST_BROKER: expected apache or tansu, got 'redpanda'") == brokers.choice()


def test_the_stand_in_makes_the_round_trip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tansu creates a topic, takes records, and gives them back."""
    if why := tansu.why_not():
        absent("Tansu", tansu.INSTALL, why)
    monkeypatch.setenv("TOCSIN_TEST_BROKER", "tansu")

    with brokers.running(tmp_path) as broker:
        topic = broker.new_topic(partitions=2)
        broker.produce(topic, [b"one", b"two"], partition=1)
        read = [(record.partition, record.offset, record.value) for record in broker.read_all(topic)]

    assert [(1, 0, b"one"), (1, 1, b"two")] == read


def test_records_that_retention_removed_are_not_read(broker: brokers.Broker) -> None:
    """delete_records moves the beginning of a partition, as retention does."""
    if not broker.kind.startswith("Apache"):
        absent("Apache Kafka", apache_kafka.INSTALL, "Tansu deletes no records")
    topic = broker.new_topic()
    broker.produce(topic, [b"old", b"new"])

    broker.delete_records(topic, 0, before=1)

    assert [(1, b"new")] == [(record.offset, record.value) for record in broker.read_all(topic)]


@pytest.mark.parametrize(("ci", "outcome"), [("", "Skipped"), ("true", "Failed")])
def test_an_absent_part_is_skipped_at_home_and_fails_in_ci(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: str
) -> None:
    """Either way the reason names the line that installs the part."""
    monkeypatch.setenv("CI", ci)
    monkeypatch.setitem(parts(), "promtool", Part("promtool", "", "apt-get install prometheus"))

    with pytest.raises(BaseException, match="real part absent: promtool; install it with: apt-get install") as told:
        require("promtool")

    assert outcome == type(told.value).__name__
