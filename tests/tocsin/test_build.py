"""From a configuration to the parts of the program."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.sinks.kafka import KafkaSink
from connectors.sinks.stdout import StdoutSink
from connectors.sinks.webhook import WebhookSink
from connectors.sources.file import FileSource
from connectors.sources.kafka import KafkaSource
from connectors.sources.simulator import SimulatorSource
from detector.errors import ConfigError, TocsinError
from detector.frame import Batch
from ensemble.budget import Budget
from tocsin.build import (
    build_controls,
    build_engines,
    build_parameters,
    build_receivers,
    build_source,
    input_files,
    watched_files,
)
from tocsin.config.config import Config
from tocsin.config.load import load_config, parse_config

ROOT = Path(__file__).parents[2]
KAFKA = "version: 1\nsource: {kafka: {bootstrap_servers: [b:9092], topics: [t]}}\n"


def config(
    more: str = "", source: str = "{kafka: {bootstrap_servers: [b:9092], topics: [t]}}", folder: Path = Path()
) -> Config:
    return parse_config(f"version: 1\nsource: {source}\n{more}", environment={}, folder=folder)


@pytest.mark.parametrize(
    ("text", "series", "promised"),
    [
        ("", 50, 3.0),
        ("alarm_budget: {rate: 5, per: 1000-series-week}", 50, 5.0),
        ("alarm_budget: {rate: 0.5, per: series-week}", 50, 500.0),
        ("alarm_budget: {rate: 2, per: service-week}", 50, 40.0),
    ],
)
def test_a_budget_is_the_same_in_any_unit(text: str, series: int, promised: float) -> None:
    """Per series, per 1000 series and per service become false pages per 1000 series-weeks."""
    parameters = build_parameters(config(text))

    assert promised == Budget(parameters.budget, parameters.budget_per).promised(series)


def test_warm_up_and_idle_time_reach_the_engine() -> None:
    """What the configuration says about time is what the engine is told."""
    parameters = build_parameters(config("warmup: 6h\nidle_ttl: 3d"))

    assert (6 * 3_600_000, 3 * 86_400_000) == (parameters.warmup_ms, parameters.idle_ttl_ms)


def test_another_configuration_makes_another_engine() -> None:
    """A snapshot of other series or another budget is not taken for ours; outputs do not matter."""
    one = build_engines(config()).new().fingerprint()

    assert one == build_engines(config("outputs: {stdout: {enabled: true}}")).new().fingerprint()
    assert one != build_engines(config("alarm_budget: {rate: 2, per: service-week}")).new().fingerprint()
    assert one != build_engines(config("interval: 5m")).new().fingerprint()


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("{kafka: {bootstrap_servers: [b:9092], topics: [t]}}", KafkaSource),
        ("{kind: file, file: {paths: [a.csv]}}", FileSource),
        ("{kind: simulator, simulator: {seed: 3}}", SimulatorSource),
    ],
)
def test_each_kind_of_source_is_made(source: str, kind: type) -> None:
    """The section named like the kind is used; nothing is connected to."""
    assert isinstance(build_source(config(source=source)), kind)


def test_the_memory_source_is_for_programs() -> None:
    """A daemon that nobody can feed is refused with what was expected."""
    with pytest.raises(ConfigError, match="expected kafka or file"):
        build_source(config(source="{kind: memory}"))


def test_receivers_get_their_own_manners() -> None:
    """A topic and a pipe want everything; a person's webhook has a budget; the age of a file's alarms stops nothing."""
    outputs = (
        "outputs: {kafka: {alarms_topic: a, bootstrap_servers: [x:1]}, stdout: {enabled: true}, "
        "webhooks: [{name: w, url: 'http://h/'}]}"
    )
    live, replay = (build_receivers(config(outputs, *s)) for s in ((), ("{kind: file, file: {paths: [a.csv]}}",)))

    assert [KafkaSink, WebhookSink, StdoutSink] == [type(r.sink) for r in live]
    assert [None, 30, None] == [r.manners.notify_budget for r in live]
    assert all(r.manners.max_alarm_age_ms is not None for r in live)
    assert [None, None, None] == [r.manners.max_alarm_age_ms for r in replay]


def test_an_alarms_topic_needs_servers() -> None:
    """A file source has none to lend."""
    with pytest.raises(TocsinError, match="bootstrap_servers"):
        build_receivers(config("outputs: {kafka: {alarms_topic: a}}", "{kind: file, file: {paths: [a.csv]}}"))


def test_patterns_of_files_must_match_something(tmp_path: Path) -> None:
    """Sorted within a pattern, in the order given, each file once."""
    for name in ("b.csv", "a.csv", "c.csv"):
        (tmp_path / name).touch()

    found = input_files([str(tmp_path / "c.csv"), str(tmp_path / "*.csv")], "DATA")

    assert ["c.csv", "a.csv", "b.csv"] == [path.name for path in found]
    with pytest.raises(ConfigError, match=r"DATA: expected at least one file, nothing matches .*\.jsonl"):
        input_files([str(tmp_path / "*.jsonl")], "DATA")


def test_calendar_and_silences_are_in_force_from_the_first_tick(tmp_path: Path) -> None:
    """The files of the configuration, relative to it; a silences file that is not there yet is no fault."""
    (tmp_path / "calendar.yaml").write_text(
        "version: 1\ntimezone: UTC\nevents: [{id: e, title: E, when: {start: 2026-01-01T00:00, duration: 1h}}]\n"
    )
    suppression = "suppression: {calendar: {files: [calendar.yaml]}, silences: {file: silences.yaml}}"

    controls = build_controls(config(suppression, folder=tmp_path))

    assert ["e"] == [event.id for event in controls.calendar.events]
    assert () == controls.silences
    assert ["calendar", "silences"] == [w.kind for w in watched_files(config(suppression, folder=tmp_path))]


def test_a_calendar_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    """A plain name that names nothing is told, with the name."""
    with pytest.raises(ConfigError, match=r"gone\.yaml: cannot be read"):
        build_controls(config("suppression: {calendar: {files: [gone.yaml]}}", folder=tmp_path))


def test_samples_of_a_file_reach_the_engine(tmp_path: Path) -> None:
    """CSV by the configured paths: keys as the schema orders them, the end of the file closes its last tick."""
    (tmp_path / "a.csv").write_text("ts,device,region,activity,value\n1760000040000,tv,eu,play,7\n")
    source = build_source(config(source="{kind: file, file: {paths: ['*.csv']}}", folder=tmp_path))
    source.open({})
    batches: list[Batch] = source.poll(0.0)
    engine = build_engines(config()).new()
    engine.expect(frozenset(source.partitions()))
    for batch in batches:
        engine.take(batch)

    assert [("value", "tv", "eu", "play")] == batches[0].keys
    assert 1760000040000 // 60_000 * 60_000 == engine.next_tick_ms()


@pytest.mark.parametrize("name", ["configs/examples/grid-bike.yaml", "configs/demo/tocsin.yaml"])
def test_the_examples_are_sound(name: str) -> None:
    """Every shipped example passes the check and gives an engine and a source."""
    loaded = load_config(ROOT / name, {})

    assert build_source(loaded).partitions is not None
    assert build_engines(loaded).new().schema.metrics


def test_the_demo_configuration_describes_the_simulated_world() -> None:
    """Its schema is what the world says about itself, so that the simulator can be run like any other source."""
    from connectors.simulation import World, WorldParameters

    schema = load_config(ROOT / "configs/demo/tocsin.yaml", {}).schema()
    world = World(WorldParameters(seed=7)).schema()

    assert {m.name: (m.role, m.stack, m.kind, m.dimensions) for m in world.metrics} == {
        m.name: (m.role, m.stack, m.kind, m.dimensions) for m in schema.metrics
    }
    assert [(d.name, d.parents) for d in world.dimensions] == [(d.name, d.parents) for d in schema.dimensions]
    assert world.independence == schema.independence
