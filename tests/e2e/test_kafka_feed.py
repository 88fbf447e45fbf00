"""`tocsin feed` into a real broker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from connectors.codecs.json import JsonCodec
from connectors.kafka_client import KafkaConnection
from connectors.mapping import MetricMapping, RecordMapping, TimeField
from connectors.sources.file import FileSettings, FileSource
from connectors.sources.kafka import KafkaSettings, KafkaSource
from connectors.tables.merged import merged
from detector.frame import Batch
from tests.e2e.broker import Broker
from tocsin.build import build_file_source, build_source
from tocsin.commands.feed import feed
from tocsin.config.load import load_config

pytestmark = pytest.mark.e2e
GRID = Path(__file__).parents[1] / "data" / "grid_bike_sample" / "series.csv.gz"
COLUMNS = (("region", ("region",)), ("device", ("device",)))

app = typer.Typer()
app.command()(feed)


def run(*arguments: object, stdin: str = "") -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)


def read_back(broker: Broker, topic: str, layout: str) -> list[Batch]:
    mapping = RecordMapping(
        layout=layout,  # type: ignore[arg-type]
        samples=() if layout == "single" else ("points",),
        metrics=(MetricMapping(name_path=("metric",)),),
        columns=COLUMNS,
    )
    source = KafkaSource(KafkaSettings(KafkaConnection((broker.bootstrap,)), (topic,)), JsonCodec(mapping))
    source.open({})
    batches: list[Batch] = []
    for _ in range(200):
        batches += source.poll(0.2)
        if source.is_finished():
            break
    source.close()
    return batches


def in_the_file() -> list[tuple[object, int, float]]:
    mapping = RecordMapping(
        timestamp=TimeField(("timestamp",), "rfc3339", assume_utc=True),
        metrics=(MetricMapping(name_path=("stack",)),),
        columns=COLUMNS,
    )
    source = FileSource(FileSettings((GRID,)), mapping)
    source.open({})
    return [
        sample
        for block in merged(source)
        for sample in zip(block.keys, block.time_ms.tolist(), block.value.tolist(), strict=True)
    ]


@pytest.mark.parametrize("layout", ["single", "batch", "columnar"])
def test_what_is_fed_is_read_back_sample_by_sample(broker: Broker, layout: str) -> None:
    """In every layout: equal samples, in event-time order in each partition, each place in one, all closed alike."""
    topic = f"{broker.new_topic()}-fed"

    result = run(
        GRID, "--bootstrap", broker.bootstrap, "--topic", topic, "--partitions", 3, "--layout", layout, "--end"
    )

    assert 0 == result.exit_code, result.output
    batches = read_back(broker, topic, layout)
    found = [
        sample
        for batch in batches
        for sample in zip(batch.keys, batch.time_ms.tolist(), batch.value.tolist(), strict=True)
    ]
    expected = in_the_file()
    assert sorted(expected) == sorted(found)  # type: ignore[type-var]
    times: dict[str, list[int]] = {}
    places: dict[str, set[str]] = {}
    for batch in batches:
        times.setdefault(batch.partition, []).extend(batch.time_ms.tolist())
        for key in batch.keys:
            places.setdefault(key[1], set()).add(batch.partition)
    assert all(series == sorted(series) for series in times.values())
    assert {1} == {len(partitions) for partitions in places.values()}
    closes = {batch.closes_ms for batch in batches if batch.closes_ms is not None}
    assert {max(time for _, time, _ in expected) + 3_600_000} == closes


def test_a_part_of_a_file_is_fed_and_the_rest_later(broker: Broker) -> None:
    """`--to` ends before a time, `--from` goes on there; nothing is fed twice or left out."""
    topic = broker.new_topic()
    common = (GRID, "--bootstrap", broker.bootstrap, "--topic", topic, "--layout", "columnar")

    first = run(*common, "--to", "2012-01-15T00:00:00Z")
    second = run(*common, "--from", "2012-01-15T00:00:00Z", "--end")

    assert [0, 0] == [first.exit_code, second.exit_code]
    assert len(in_the_file()) == sum(map(len, read_back(broker, topic, "columnar")))


def test_a_pause_waits_for_a_line(broker: Broker) -> None:
    """Enter goes on; without anybody to press it, the command says so and feeds nothing behind the pause."""
    topic = broker.new_topic()
    common = (GRID, "--bootstrap", broker.bootstrap, "--topic", topic, "--layout", "columnar")

    gone_on = run(*common, "--to", "2011-12-17", "--pause-at", "2011-12-16T12:00:00Z", stdin="\n")
    alone = run(*common, "--pause-at", "2011-12-16T12:00:00Z")

    assert (0, True) == (gone_on.exit_code, "paused before 2011-12-16T12:00:00Z" in gone_on.output)
    assert "nobody can go on" in str(alone.exception)


def test_a_configuration_says_where_to_and_in_which_shape(broker: Broker, tmp_path: Path) -> None:
    """With -c, messages are what `tocsin run -c` reads: paths, `where`, layout, topic and brokers."""
    topic = broker.new_topic()
    config = tmp_path / "tocsin.yaml"
    config.write_text(
        f"""
version: 1
source:
  kind: kafka
  kafka: {{bootstrap_servers: ['{broker.bootstrap}'], topics: [{topic}]}}
  format: {{layout: single, timestamp: {{path: when, unit: rfc3339}}}}
dimensions: {{region: {{path: dims.region}}, device: {{path: dims.kind}}}}
metrics:
  A: {{where: 'stack == "A"', value: {{path: n}}}}
  B: {{where: 'stack == "B"', value: {{path: n}}, role: witness}}
interval: 1h
"""
    )

    result = run(GRID, "-c", config, "--to", "2011-12-16T02:00:00", "--end")

    assert (0, None) == (result.exit_code, result.exception)
    first = json.loads(broker.read_all(topic, at_least=1)[0].value or b"")
    expected = {"when": "2011-12-16T00:00:00.000Z", "dims": {"region": "casual", "kind": "mobile"}, "stack": "A"}
    assert expected == {name: first[name] for name in expected}


def test_a_file_with_the_columns_of_the_configuration_is_read_as_it_says(broker: Broker, tmp_path: Path) -> None:
    """One configuration for `backtest FILE`, `feed FILE` and `run`: equal samples from the file and from the topic."""
    topic = broker.new_topic(partitions=2)
    config = tmp_path / "tocsin.yaml"
    config.write_text(
        f"""
version: 1
source:
  kafka: {{bootstrap_servers: ['{broker.bootstrap}'], topics: [{topic}]}}
  format: {{timestamp: {{path: timestamp, unit: rfc3339, assume_utc: true}}}}
dimensions: {{region: {{}}, device: {{}}}}
metrics:
  demand: {{where: 'stack == "A"'}}
  other: {{where: 'stack == "B"', role: witness}}
interval: 1h
"""
    )
    loaded = load_config(config)
    file, log = build_file_source(loaded, [GRID]), build_source(loaded)
    file.open({})
    log.open({})

    result = run(GRID, "-c", config, "--end")

    assert (0, None) == (result.exit_code, result.exception)
    expected = [
        sample
        for block in merged(file)
        for sample in zip(block.keys, block.time_ms.tolist(), block.value.tolist(), strict=True)
    ]
    found: list[tuple[object, int, float]] = []
    while not log.is_finished():
        for batch in log.poll(0.2):
            found += zip(batch.keys, batch.time_ms.tolist(), batch.value.tolist(), strict=True)
    log.close()
    assert sorted(expected) == sorted(found)  # type: ignore[type-var]
    assert {"demand", "other"} == {key[0] for key, _, _ in expected}


def test_mistakes_are_said_in_a_sentence(broker: Broker, tmp_path: Path) -> None:
    """A topic that is not there, a column that is not there, brokers that do not answer, a speed of zero."""
    there = (GRID, "--bootstrap", broker.bootstrap)
    topic = broker.new_topic()

    sentences = [
        str(run(*there, "--topic", "nowhere-at-all").exception),
        str(run(*there, "--topic", topic, "--value", "demand").exception),
        str(run(*there, "--topic", topic, "--speed", "0").exception),
        str(run(GRID, "--bootstrap", "kafka://x:9092", "--topic", topic).exception),
        str(run(tmp_path / "none.csv", "--bootstrap", "x:1", "--topic", topic).exception),
    ]

    assert "topic nowhere-at-all does not exist; --partitions N creates it" == sentences[0]
    assert "series.csv.gz: expected a column 'demand', found timestamp, stack, region, device, value" == sentences[1]
    assert "--speed: expected a number above 0, got 0" == sentences[2]
    assert "--bootstrap: expected host:port without a scheme, got 'kafka://x:9092'" == sentences[3]
    assert sentences[4].endswith("none.csv: expected a file, there is none")
