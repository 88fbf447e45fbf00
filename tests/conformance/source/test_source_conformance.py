"""Every source in the table keeps the contract of `connectors/source.py`."""

from __future__ import annotations

import csv
import json
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from connectors.codecs.json import JsonCodec
from connectors.mapping import MetricMapping, RecordMapping, TimeField
from connectors.source import Source
from connectors.sources import KINDS, resolve
from detector.errors import ConfigError
from detector.frame import Batch

T = 1_760_000_040_000  # a whole minute
Sample = tuple[tuple[str, ...], int, float]
PARTITIONS = {"eu": 40, "us": 25}  # region → samples
MAPPING = RecordMapping(columns=(("region", ("region",)),))


class Example(NamedTuple):
    """Makes a fresh source of the same content, as often as wanted; what it holds, where that is known."""

    make: Callable[[], Source]
    samples: list[Sample] | None


def _rows(region: str) -> list[Sample]:
    return [(("value", region), T + 60_000 * n, n + 0.25) for n in range(PARTITIONS[region])]


def _message(sample: Sample) -> bytes:
    return json.dumps({"ts": sample[1], "region": sample[0][1], "value": sample[2]}).encode()


def _memory(request: pytest.FixtureRequest) -> Example:
    def make() -> Source:
        source = resolve("memory")(JsonCodec(MAPPING), [f"m/{region}" for region in PARTITIONS], chunk=7)  # type: ignore[call-arg]
        for region in PARTITIONS:
            for sample in _rows(region):
                source.append(f"m/{region}", _message(sample), record_ms=sample[1])  # type: ignore[attr-defined]
        source.finish(T + 60_000 * 40)  # type: ignore[attr-defined]
        return source

    return Example(make, [sample for region in PARTITIONS for sample in _rows(region)])


def _file(request: pytest.FixtureRequest) -> Example:
    from connectors.sources.file import FileSettings

    folder: Path = request.getfixturevalue("tmp_path")
    for region in PARTITIONS:
        with (folder / f"{region}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["when", "region", "value"])
            writer.writerows([time_ms, key[1], value] for key, time_ms, value in _rows(region))
    mapping = RecordMapping(
        timestamp=TimeField(("when",)), metrics=(MetricMapping(),), columns=(("region", ("region",)),)
    )
    settings = FileSettings(tuple(folder / f"{region}.csv" for region in PARTITIONS))
    return Example(
        lambda: resolve("file")(settings, mapping),  # type: ignore[call-arg]
        [sample for region in PARTITIONS for sample in _rows(region)],
    )


def _kafka(request: pytest.FixtureRequest) -> Example:
    from connectors.kafka_client import KafkaConnection
    from connectors.kafka_topic import Topic
    from connectors.sources.kafka import KafkaSettings

    connection = KafkaConnection((request.getfixturevalue("kafka"),))
    name = f"conformance-{uuid.uuid4().hex[:12]}"
    topic = Topic(connection, name, partitions=2)
    for region in PARTITIONS:
        for sample in _rows(region):
            topic.send(region.encode(), _message(sample))
    topic.end(T + 60_000 * 40)
    topic.close()
    return Example(
        lambda: resolve("kafka")(KafkaSettings(connection, (name,)), JsonCodec(MAPPING)),  # type: ignore[call-arg]
        [sample for region in PARTITIONS for sample in _rows(region)],
    )


def _prometheus(request: pytest.FixtureRequest) -> Example:
    from connectors.query_range import PrometheusConnection
    from connectors.sources.prometheus import PrometheusSettings
    from tests.connectors.query_range_server import query_range

    rows = {region: {t: str(v) for _, t, v in _rows(region)} for region in PARTITIONS}
    server = query_range({"q": [({"region": region}, found.get) for region, found in rows.items()]})
    url, _ = server.__enter__()
    request.addfinalizer(lambda: server.__exit__(None, None, None))
    settings = PrometheusSettings(
        PrometheusConnection(url), (("value", "q"),), {"value": ("region",)}, T, T + 60_000 * 40, is_end_stamped=False
    )
    return Example(
        lambda: resolve("prometheus")(settings),  # type: ignore[call-arg]
        [sample for region in PARTITIONS for sample in _rows(region)],
    )


def _simulator(request: pytest.FixtureRequest) -> Example:
    from connectors.simulation.demo import demo_world

    world = demo_world(end_ms=T, days=1).world
    end = world.parameters.minutes
    return Example(lambda: resolve("simulator")(world, end - 90, end), None)  # type: ignore[call-arg]


EXAMPLES: dict[str, Callable[[pytest.FixtureRequest], Example]] = {
    "file": _file,
    "kafka": _kafka,
    "memory": _memory,
    "prometheus": _prometheus,
    "simulator": _simulator,
}


@pytest.fixture(params=[pytest.param(k, marks=pytest.mark.e2e if k == "kafka" else ()) for k in sorted(KINDS)])
def example(request: pytest.FixtureRequest) -> Example:
    """One source per kind of the table."""
    assert request.param in EXAMPLES, f"add an example of the source {request.param!r} to {__name__}"
    return EXAMPLES[request.param](request)


def read(source: Source, positions: Mapping[str, int] | None = None) -> list[Batch]:
    source.open(positions or {})
    batches: list[Batch] = []
    for _ in range(5000):
        batches += source.poll(0.1)
        if source.is_finished():
            break
    assert source.is_finished()
    return batches


def by_partition(batches: list[Batch]) -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = {}
    for batch in batches:
        triples = zip(batch.keys, batch.time_ms.tolist(), batch.value.tolist(), strict=True)
        found.setdefault(batch.partition, []).extend(triples)
    return found


def test_all_is_read_once_and_in_order(example: Example) -> None:
    """Everything that the source holds, positions moving on, event time in order within a partition."""
    batches = read(source := example.make())

    found = by_partition(batches)
    assert set(source.partitions()) == set(found)
    if example.samples is not None:
        assert sorted(example.samples) == sorted(sample for samples in found.values() for sample in samples)
    for partition, samples in found.items():
        offsets = [batch.next_offset for batch in batches if batch.partition == partition]
        assert offsets == sorted(offsets)
        times = [time_ms for _, time_ms, _ in samples]
        assert times == sorted(times)
    source.close()


def test_batches_have_the_shape_of_the_contract(example: Example) -> None:
    """Equally long columns of the declared types; record times; the last record's time where samples came."""
    source = example.make()
    for batch in read(source):
        assert len(batch.keys) == len(batch.time_ms) == len(batch.value) == len(batch.record_ms)
        assert [np.int64, np.float64, np.int64] == [batch.time_ms.dtype, batch.value.dtype, batch.record_ms.dtype]
        assert batch.last_record_ms is not None or not batch.keys
        assert (0, ()) == (len(batch.rejected), batch.lost)
    source.close()


def test_two_readings_are_equal(example: Example) -> None:
    """What a partition tells does not depend on when it is asked."""
    first, second = example.make(), example.make()

    assert by_partition(read(first)) == by_partition(read(second))
    first.close()
    second.close()


def test_going_on_from_any_position_gives_exactly_the_rest(example: Example) -> None:
    """Nothing twice, nothing left out, wherever a snapshot was taken."""
    source = example.make()
    batches = read(source)
    source.close()
    whole = by_partition(batches)
    for cut in sorted({0, 1, len(batches) // 2, len(batches) - 1}):
        positions = {batch.partition: batch.next_offset for batch in batches[:cut]}
        again = example.make()

        before, rest = by_partition(batches[:cut]), by_partition(read(again, positions))

        again.close()
        assert whole == {name: before.get(name, []) + rest.get(name, []) for name in whole}


def test_the_end_closes_every_partition_behind_its_last_sample(example: Example) -> None:
    """All ticks can be closed, and only then is the source finished."""
    source = example.make()
    batches = read(source)

    closes = {batch.partition: batch.closes_ms for batch in batches if batch.closes_ms is not None}
    last = {name: max(time_ms for _, time_ms, _ in samples) for name, samples in by_partition(batches).items()}
    assert set(source.partitions()) == set(closes)
    assert all(closes[name] > last[name] for name in last)
    source.close()


def test_the_lag_is_zero_at_the_end_and_names_the_last_record(example: Example) -> None:
    """Per partition, in messages; the record time of what was read last."""
    source = example.make()
    batches = read(source)

    lag = source.lag()
    assert dict.fromkeys(source.partitions(), 0) == {name: behind for name, (behind, _) in lag.items()}
    assert all(record_ms is not None for name, (_, record_ms) in lag.items() if by_partition(batches).get(name))
    source.close()


def test_identity_is_stable_and_closing_twice_is_fine(example: Example) -> None:
    """Two sources of the same content have one identity."""
    first, second = example.make(), example.make()
    read(first)
    read(second)

    assert first.identity() == second.identity()
    first.close()
    first.close()
    second.close()


def test_polling_at_the_end_gives_nothing(example: Example) -> None:
    """No batch is told twice."""
    source = example.make()
    read(source)

    assert [] == source.poll(0.0)
    assert source.is_finished()
    source.close()


def test_an_unknown_kind_is_named_with_those_that_exist() -> None:
    """The table is the list."""
    with pytest.raises(
        ConfigError, match="sources: expected one of file, kafka, memory, prometheus, simulator, got 'pulsar'"
    ):
        resolve("pulsar")
