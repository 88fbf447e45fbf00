"""Every codec in the table keeps the contract of `connectors/codec.py`."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

from connectors.codec import Codec, Record
from connectors.codecs import KINDS, resolve
from connectors.mapping import MetricMapping, RecordMapping
from connectors.records.encode import Encoder
from detector.errors import ConfigError
from detector.frame import REJECT_REASONS, Key

T = 1_760_000_000_000
MAPPING = RecordMapping(
    metrics=(MetricMapping(name_path=("metric",)),), columns=(("device", ("device",)), ("region", ("region",)))
)


class Example(NamedTuple):
    """A codec, and how one sample is written for it."""

    codec: Codec
    write: Callable[[Key, int, float], bytes]


def _json() -> Example:
    encoder = Encoder(MAPPING, ("metric", "device", "region"))
    return Example(resolve("json")(MAPPING), lambda key, time_ms, value: encoder.encode([key], [time_ms], [value]))  # type: ignore[call-arg]


EXAMPLES: dict[str, Callable[[], Example]] = {"json": _json}


@pytest.fixture(params=sorted(KINDS))
def example(request: pytest.FixtureRequest) -> Example:
    """One codec per kind of the table."""
    assert request.param in EXAMPLES, f"add an example of the codec {request.param!r} to {__name__}"
    return EXAMPLES[request.param]()


def _records(example: Example, count: int = 20) -> list[Record]:
    keys = [("requests", f"d{number % 3}", "eu") for number in range(count)]
    return [Record(n, T + n, None, example.write(key, T + 60_000 * n, n + 0.5)) for n, key in enumerate(keys)]


def test_samples_come_in_the_order_of_their_records(example: Example) -> None:
    """Keys, times, values and record times, as arrays of the contract's types."""
    decoded = example.codec.decode(_records(example))

    assert [("requests", f"d{n % 3}", "eu") for n in range(20)] == decoded.keys
    assert [T + 60_000 * n for n in range(20)] == decoded.time_ms.tolist()
    assert [n + 0.5 for n in range(20)] == decoded.value.tolist()
    assert [T + n for n in range(20)] == decoded.record_ms.tolist()
    assert [np.int64, np.float64, np.int64] == [decoded.time_ms.dtype, decoded.value.dtype, decoded.record_ms.dtype]
    assert ([], 0, None) == (decoded.rejected, decoded.gaps, decoded.closes_ms)


def test_nothing_gives_nothing(example: Example) -> None:
    """No records: empty arrays, not an error."""
    decoded = example.codec.decode([])

    assert (0, 0, 0, []) == (len(decoded.keys), len(decoded.time_ms), len(decoded.value), decoded.rejected)


def test_a_tombstone_is_a_gap(example: Example) -> None:
    """B01: between samples too."""
    records = _records(example, 2)
    records.insert(1, Record(9, T, b"key", None))

    decoded = example.codec.decode(records)

    assert (2, 1, []) == (len(decoded.keys), decoded.gaps, decoded.rejected)


def test_a_bad_record_is_refused_at_its_offset_and_its_neighbours_are_kept(example: Example) -> None:
    """The reason is of the closed set, and the detail says something."""
    records = _records(example, 3)
    records[1] = records[1]._replace(offset=77, value=b"\xff\x00\xfe")

    decoded = example.codec.decode(records)

    assert [0.5, 2.5] == decoded.value.tolist()
    assert [77] == [refused.offset for refused in decoded.rejected]
    assert decoded.rejected[0].reason in REJECT_REASONS
    assert decoded.rejected[0].detail


def test_damaged_records_never_raise_and_have_one_fate(example: Example) -> None:
    """Bytes changed, cut and added at random."""
    luck = random.Random(11)
    good = example.write(("requests", "d", "eu"), T, 1.0)
    for _ in range(3000):
        damaged = bytearray(good)
        for _ in range(luck.randrange(1, 5)):
            damaged[luck.randrange(len(damaged))] = luck.randrange(256)
        value = bytes(damaged[: luck.randrange(len(damaged) + 1)] if luck.random() < 0.3 else damaged)
        decoded = example.codec.decode([Record(3, T, None, value)])
        assert 1 == len(decoded.keys) + len(decoded.rejected) + decoded.gaps, value


def test_any_split_gives_the_same_samples(example: Example) -> None:
    """B45: a codec remembers nothing that could change a sample."""
    records = _records(example)

    whole = example.codec.decode(records)
    parts = [example.codec.decode([record]) for record in records]

    assert whole.keys == [key for part in parts for key in part.keys]
    assert whole.value.tolist() == [value for part in parts for value in part.value.tolist()]


def test_equal_labels_are_one_object(example: Example) -> None:
    """The look-up of a row compares pointers, not texts."""
    keys = example.codec.decode(_records(example)).keys

    assert keys[0] is keys[3]


def test_an_unknown_kind_is_named_with_those_that_exist() -> None:
    """The table is the list."""
    with pytest.raises(ConfigError, match=r"codecs: expected one of .*json.*, got 'yaml'"):
        resolve("yaml")
