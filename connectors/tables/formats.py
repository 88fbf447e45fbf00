"""Reads a file block by block: CSV, JSON lines or Parquet, gzip unpacked on the way."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal, cast

from connectors.codec import Codec, Record
from connectors.mapping import RecordMapping
from connectors.tables.block import ROWS, Block, Builder, unreadable
from connectors.tables.rows import RowReader, column_name
from detector.errors import ConfigError, DataError

Format = Literal["auto", "csv", "jsonl", "parquet"]
ENDINGS: dict[str, Format] = {
    ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip
FAILURES = (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error)


def format_of(path: Path, declared: Format = "auto") -> Format:
    """The declared format, or the one that the name ends with (`.gz` aside)."""
    if declared != "auto":
        return declared
    name = path.name.lower().removesuffix(".gz")
    for ending, found in ENDINGS.items():
        if name.endswith(ending):
            return found
    raise ConfigError(
        f"{path.name}: expected a name that ends with {', '.join(ENDINGS)} (and .gz), or a declared format"
    )


def read_blocks(path: Path, form: Format, mapping: RecordMapping, codec: Codec | None = None) -> Iterator[Block]:
    """Blocks in the order of the file; raises DataError where the file itself cannot be read."""
    kind = format_of(path, form)
    if kind == "csv":
        return _csv(path, mapping)
    if kind == "jsonl":
        if codec is None:
            raise ConfigError(f"{path.name}: JSON lines need a codec")
        return _lines(path, codec)
    return _parquet(path, mapping)


def read_first_rows(path: Path) -> tuple[list[str], list[str]]:
    """The names of the columns of a CSV file and its first row (empty if there is none)."""
    try:
        with open_table(path, "rt") as file:
            rows = csv.reader(cast(IO[str], file))
            return next(rows, []), next(rows, [])
    except FAILURES as error:
        raise unreadable(path, error) from error


def _csv(path: Path, mapping: RecordMapping) -> Iterator[Block]:
    rows = None
    try:
        with open_table(path, "rt") as file:
            rows = csv.reader(cast(IO[str], file), strict=True)
            header = next(rows, None)
            if not header:
                raise DataError(f"{path.name}: expected a first line with the names of the columns, got an empty file")
            reader, out = RowReader(mapping, header, path, is_text=True), Builder(path)
            read = reader.read
            for row in rows:
                if row:  # an empty line is no row
                    read(row, rows.line_num, out)
                if out.is_full():
                    yield out.take()
            yield out.take()
    except FAILURES as error:
        raise unreadable(path, error, _line_of(path, error, rows.line_num) if rows else None) from error


def _lines(path: Path, codec: Codec) -> Iterator[Block]:
    number = 0
    try:
        with open_table(path, "rb") as file:
            records: list[Record] = []
            for number, line in enumerate(cast(IO[bytes], file), start=1):
                stripped = line.strip()
                if stripped:
                    records.append(Record(number, 0, None, stripped))
                if len(records) >= ROWS // 10:
                    yield _decoded(path, codec, records)
                    records = []
            yield _decoded(path, codec, records)
    except FAILURES as error:
        raise unreadable(path, error, number + 1 if number else None) from error


def _decoded(path: Path, codec: Codec, records: list[Record]) -> Block:
    got = codec.decode(records)
    rejected = [refused._replace(detail=f"{path.name}:{refused.offset}: {refused.detail}") for refused in got.rejected]
    return Block(got.keys, got.time_ms, got.value, rejected, got.gaps)


def _parquet(path: Path, mapping: RecordMapping) -> Iterator[Block]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise ConfigError(f"{path.name}: Parquet needs the extra: pip install 'tocsin[parquet]'") from error
    columns = [column_name(steps) for steps in mapping.paths()]
    try:
        with pq.ParquetFile(path) as file:
            reader = RowReader(mapping, list(file.schema_arrow.names), path, is_text=False)
            reader = RowReader(mapping, columns, path, is_text=False)
            out, before = Builder(path), 0
            for batch in file.iter_batches(batch_size=ROWS, columns=columns):
                cells = [batch.column(name).to_pylist() for name in columns]
                for number, row in enumerate(zip(*cells, strict=True), start=before + 1):
                    reader.read(row, number, out)
                before += batch.num_rows
                yield out.take()
    except (*FAILURES, pa.ArrowException) as error:
        raise unreadable(path, error) from error


def _line_of(path: Path, error: Exception, line: int) -> int:
    """The line of a mistake; text is decoded ahead of the rows, so that one has to be looked for."""
    if isinstance(error, UnicodeDecodeError):
        with open_table(path, "rb") as file:
            for number, text in enumerate(file, start=1):
                try:
                    text.decode()
                except UnicodeDecodeError:
                    return number
    return line + 1


def open_table(path: Path, mode: Literal["rt", "rb"]) -> IO[Any]:
    text = {"encoding": "utf-8-sig", "newline": ""} if mode == "rt" else {}
    if path.name.lower().endswith(".gz"):
        return cast(IO[Any], gzip.open(path, mode, **text))  # type: ignore[call-overload]
    return cast(IO[Any], open(path, mode, **text))  # type: ignore[call-overload]
