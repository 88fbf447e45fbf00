"""Files of samples: formats, order, merging, and what their mistakes are called."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.mapping import MetricMapping, RecordMapping, TimeField
from connectors.sources.file import FileSettings, FileSource
from connectors.tables import block, formats, order
from connectors.tables.guess import Wishes, guess_mapping
from connectors.tables.merged import merged
from detector.errors import ConfigError, DataError
from detector.frame import Batch

T = 1_760_000_040_000
MAPPING = RecordMapping(
    timestamp=TimeField(("time",), "rfc3339", assume_utc=True),
    metrics=(MetricMapping(name_path=("stack",)),),
    columns=(("region", ("region",)),),
)
HEADER = "time,stack,region,value\n"
Sample = tuple[tuple[str, ...], int, float]


def stamp(number: int) -> str:
    return datetime.fromtimestamp((T + 60_000 * number) / 1000, UTC).isoformat()


def write(path: Path, lines: Sequence[str], header: str = HEADER) -> Path:
    data = (header + "".join(f"{line}\n" for line in lines)).encode()
    path.write_bytes(gzip.compress(data) if path.name.endswith(".gz") else data)
    return path


def source(*paths: Path, mapping: RecordMapping = MAPPING, **settings: Any) -> FileSource:
    found = FileSource(FileSettings(paths, **settings), mapping)
    found.open({})
    return found


def read(found: FileSource) -> list[Batch]:
    batches: list[Batch] = []
    while not found.is_finished():
        batches += found.poll(0.0)
    return batches


def samples(batches: list[Batch]) -> list[Sample]:
    return [
        sample
        for batch in batches
        for sample in zip(batch.keys, batch.time_ms.tolist(), batch.value.tolist(), strict=True)
    ]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "A.CSV"])
def test_rows_of_a_csv_file_are_samples(tmp_path: Path, name: str) -> None:
    """The metric's name from a column, quotes, a byte order mark, empty lines."""
    path = tmp_path / name
    data = f'\ufeff{HEADER}{stamp(0)},A,"eu,1",1.5\r\n\r\n{stamp(1)},B,us,2\r\n'.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)

    batches = read(source(path))

    assert [(("A", "eu,1"), T, 1.5), (("B", "us"), T + 60_000, 2.0)] == samples(batches)
    assert [T, T + 60_000] == batches[0].record_ms.tolist()
    assert T + 120_000 == batches[-1].closes_ms


@pytest.mark.parametrize("memory_rows", [1_000_000, 10])
def test_rows_come_in_event_time_order_with_ties_by_labels(tmp_path: Path, memory_rows: int) -> None:
    """A file that is ordered by series, as data sets often are; also where it does not fit into memory."""
    lines = [f"{stamp(n)},{stack},{region},{n}" for stack in "BA" for region in ("us", "eu") for n in range(40)]

    found = samples(read(source(write(tmp_path / "a.csv", lines), memory_rows=memory_rows)))

    assert found == sorted(found, key=lambda sample: (sample[1], sample[0]))
    assert 160 == len(found)


def test_a_large_file_in_order_is_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks are small, ties across blocks are ordered, and no row is lost; it goes on from any position."""
    for module in (block, formats, order):
        monkeypatch.setattr(module, "ROWS", 7)
    lines = [f"{stamp(n // 5)},A,{region},{n}" for n in range(50) for region in ("c", "a", "b")]
    path = write(tmp_path / "a.csv", [*lines[:20], "bad,A,a,1", *lines[20:]])
    whole = samples(read(source(path)))

    streamed = source(path, memory_rows=10)
    batches = read(streamed)
    sizes = [len(batch) for batch in batches]
    resumed = FileSource(FileSettings((path,), memory_rows=10), MAPPING)
    resumed.open({"a.csv": batches[3].next_offset})

    assert whole == samples(batches)
    assert max(sizes) < 40
    assert ["bad_time"] == [refused.reason for batch in batches for refused in batch.rejected]
    assert whole[sum(sizes[:4]) :] == samples(read(resumed))


def test_a_large_file_that_loses_its_order_late_is_sorted_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last row is the oldest."""
    for module in (block, formats, order):
        monkeypatch.setattr(module, "ROWS", 7)
    lines = [f"{stamp(n)},A,a,{n}" for n in [*range(1, 60), 0]]

    found = samples(read(source(write(tmp_path / "a.csv", lines), memory_rows=10)))

    assert [float(n) for n in range(60)] == [value for _, _, value in found]


def test_several_files_advance_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file gets ahead; merged, they are one stream in order; all close at the end of the last."""
    monkeypatch.setattr(order, "ROWS", 5)
    luck = random.Random(1)
    times = {name: sorted(luck.sample(range(100), 30)) for name in "abc"}
    paths = [write(tmp_path / f"{name}.csv", [f"{stamp(n)},A,{name},1" for n in times[name]]) for name in "abc"]

    found = source(*paths)
    front: dict[str, int] = {}
    while not found.is_finished():
        for batch in found.poll(0.0):
            if len(batch):
                earliest = min(front.values(), default=0) if len(front) == 3 else 0
                front[batch.partition] = int(batch.time_ms[-1])
                assert batch.time_ms[0] >= earliest
            if batch.closes_ms is not None:
                assert T + 60_000 * (max(map(max, times.values())) + 1) == batch.closes_ms
    stream = [time_ms for part in merged(source(*paths)) for time_ms in part.time_ms.tolist()]

    assert sorted(T + 60_000 * n for some in times.values() for n in some) == stream


def test_the_interval_that_the_end_closes_can_be_given(tmp_path: Path) -> None:
    """Hourly ticks of minutely samples."""
    path = write(tmp_path / "a.csv", [f"{stamp(0)},A,a,1", f"{stamp(1)},A,a,1"])

    assert T // 3_600_000 * 3_600_000 + 3_600_000 == read(source(path, interval_ms=3_600_000))[-1].closes_ms


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        ("2026-02-30T00:00:00Z,A,a,1", "bad_time", "a.csv:3: time: expected a time that exists"),
        ("1999-01-01,A,a,1", "bad_time", "a.csv:3: time: expected a time from 2000 to 2100"),
        ("{stamp},A,,1", "bad_label", "a.csv:3: region: expected a label, got an empty text"),
        ("{stamp},,a,1", "bad_label", "a.csv:3: stack: expected a label"),
        ("{stamp},A,a,many", "bad_value", "a.csv:3: value: expected a number, got 'many'"),
        ("{stamp},A,a,1_000", "bad_value", "a.csv:3: value: expected a number, got '1_000'"),
        ("{stamp},A,a,inf", "bad_value", "a.csv:3: value: expected a finite number"),
        ("{stamp},A,a", "bad_shape", "a.csv:3: expected 4 cells, got 3"),
    ],
)
def test_a_bad_row_is_refused_with_its_line(tmp_path: Path, row: str, reason: str, detail: str) -> None:
    """B20, B21, B33, B36, B46 at this door: the neighbours are kept; it is told once."""
    lines = [f"{stamp(0)},A,a,1", row.format(stamp=stamp(1)), f"{stamp(2)},A,a,3"]

    batches = read(source(write(tmp_path / "a.csv", lines)))

    assert [1.0, 3.0] == [value for _, _, value in samples(batches)]
    refused = [refused for batch in batches for refused in batch.rejected]
    assert [(3, reason)] == [(r.offset, r.reason) for r in refused]
    assert refused[0].detail.startswith(detail)


def test_empty_and_nan_cells_are_gaps(tmp_path: Path) -> None:
    """B33."""
    found = samples(read(source(write(tmp_path / "a.csv", [f"{stamp(0)},A,a,", f"{stamp(1)},A,a,NaN"]))))

    assert 2 == sum(value != value for _, _, value in found)


def test_a_file_of_bad_rows_only_is_told_and_ends(tmp_path: Path) -> None:
    """No sample, one refusal, and the source is finished."""
    batches = read(source(write(tmp_path / "a.csv", ["x,A,a,1"])))

    assert [1] == [len(batch.rejected) for batch in batches]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "a.csv: expected a first line with the names of the columns, got an empty file"),
        (b"time,value\n", "a.csv: expected the columns region, stack, found time, value"),
        (b"time,stack,region,value\n\xff\xfe,,,\n", "a.csv:2: cannot be read: 'utf-8' codec"),
        (b'time,stack,region,value\n"open', "a.csv:"),
    ],
)
def test_a_file_that_is_not_as_declared_is_an_error(tmp_path: Path, content: bytes, sentence: str) -> None:
    """The sentence names the file, what was expected and what was found."""
    path = tmp_path / "a.csv"
    path.write_bytes(content)

    with pytest.raises(DataError) as raised:
        source(path)

    assert str(raised.value).startswith(sentence)


def test_files_that_cannot_be_opened_are_an_error(tmp_path: Path) -> None:
    """Missing, cut, of an unknown kind, none at all."""
    whole = gzip.compress((HEADER + f"{stamp(0)},A,a,1\n" * 5000).encode())
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(DataError, match=r"none\.csv: cannot be read: No such file"):
        source(tmp_path / "none.csv")
    with pytest.raises(DataError, match=r"cut\.csv\.gz:.* cannot be read"):
        source(tmp_path / "cut.csv.gz")
    with pytest.raises(ConfigError, match=r"a\.xlsx: expected a name that ends with \.csv"):
        source(tmp_path / "a.xlsx")
    with pytest.raises(ConfigError, match="expected at least one file, got none"):
        source()


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson.gz"])
def test_lines_of_json_are_records(tmp_path: Path, name: str) -> None:
    """Read by the codec, put into order; a bad line is refused by its number."""
    lines = [json.dumps({"ts": T + n, "region": "eu", "value": n}) for n in (2, 0, 1)]
    path = write(tmp_path / name, [*lines, "", "nonsense"], header="")

    batches = read(source(path, mapping=RecordMapping(columns=(("region", ("region",)),))))

    assert [0.0, 1.0, 2.0] == [value for _, _, value in samples(batches)]
    assert [(5, "undecodable")] == [(r.offset, r.reason) for batch in batches for r in batch.rejected]


def test_parquet_is_read_with_its_types(tmp_path: Path) -> None:
    """Times as timestamps or numbers, dictionary-encoded labels, nulls as gaps, wrong types refused."""
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    times = [datetime.fromtimestamp((T + 60_000 * n) / 1000, UTC) for n in (1, 0, 2)]
    table = pa.table(
        {
            "unused": [[1], [2], [3]],
            "time": pa.array(times, pa.timestamp("us", tz="UTC")),
            "stack": pa.array(["A", "A", "A"]).dictionary_encode(),
            "region": ["eu", "eu", None],
            "value": pa.array([1, None, 3], pa.int32()),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")

    batches = read(source(tmp_path / "a.parquet"))

    found = samples(batches)
    assert [(("A", "eu"), T), (("A", "eu"), T + 60_000)] == [sample[:2] for sample in found]
    assert [True, False] == [value != value for _, _, value in found]
    assert [(3, "bad_label")] == [(r.offset, r.reason) for batch in batches for r in batch.rejected]


def test_parquet_without_its_columns_is_an_error(tmp_path: Path) -> None:
    """And so is a file that only has the name."""
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"x": [1]}), tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes(b"PAR1 nonsense")

    with pytest.raises(DataError, match=r"a\.parquet: expected the columns time, region, value, stack, found x"):
        source(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"b\.parquet: cannot be read"):
        source(tmp_path / "b.parquet")


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """Their folders are part of the partition's name then."""
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "a.csv", [f"{stamp(0)},A,{folder},1"])

    found = source(tmp_path / "x" / "a.csv", tmp_path / "y" / "a.csv")

    assert 2 == len(set(found.partitions()))
    assert 2 == len(samples(read(found)))


def test_the_identity_changes_with_the_content(tmp_path: Path) -> None:
    """A snapshot of another file is not gone on with."""
    path = write(tmp_path / "a.csv", [f"{stamp(0)},A,a,1"])
    first = source(path).identity()
    write(path, [f"{stamp(0)},A,a,2"])

    assert first != source(path).identity()


@pytest.mark.parametrize(
    ("header", "row", "unit"),
    [
        ("timestamp,stack,region,value", "2012-01-01T00:00:00,A,a,1", "rfc3339"),
        ("ts,stack,region,value", "1760000000,A,a,1", "s"),
        ("ts,stack,region,value", "1760000000000,A,a,1", "ms"),
        ("time,stack,region,value", "1760000000000000,A,a,1", "us"),
        ("time,stack,region,value", "1760000000000000000,A,a,1", "ns"),
    ],
)
def test_a_mapping_is_found_in_the_header(tmp_path: Path, header: str, row: str, unit: str) -> None:
    """Usual names are known; the unit follows from the size of the first time."""
    path = write(tmp_path / "a.csv", [row], header=header + "\n")

    found = guess_mapping(path)

    assert unit == found.timestamp.unit
    assert (("region", ("region",)),) == found.columns
    assert (("stack",),) == tuple(metric.name_path for metric in found.metrics)


def test_wishes_go_before_guesses_and_truth_is_no_label(tmp_path: Path) -> None:
    """`label` and `part` of data sets never become labels of a series."""
    path = write(tmp_path / "a.csv", [], header="timestamp,series_id,demand,label,part\n")

    found = guess_mapping(path, Wishes(value="demand", metric="load"))

    assert ("load", ("demand",)) == (found.metrics[0].name, found.metrics[0].value)
    assert (("series_id", ("series_id",)),) == found.columns
    with pytest.raises(ConfigError, match=r"a\.csv: expected one of the columns value \(or --value NAME\), found"):
        guess_mapping(path)
