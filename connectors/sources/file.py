"""The file source: CSV, JSON lines or Parquet, several files merged, in event-time order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from connectors.codec import Codec
from connectors.mapping import RecordMapping
from connectors.tables.block import Block, unreadable
from connectors.tables.formats import Format, format_of, read_blocks
from connectors.tables.order import MEMORY_ROWS, Ordered, put_in_order
from detector.errors import ConfigError
from detector.frame import Batch, Rejected
from detector.schema import MINUTE_MS

HASHED_BYTES = 1024 * 1024  # of each file, for its identity


@dataclass(frozen=True, slots=True)
class FileSettings:
    """Files to read; their end closes a tick of `interval_ms` (None: the smallest step of their times)."""

    paths: tuple[Path, ...]
    format: Format = "auto"
    interval_ms: int | None = None
    memory_rows: int = MEMORY_ROWS


@dataclass(slots=True)
class _Reading:
    """One file on its way: the piece at hand, how far it is told, and what follows."""

    name: str
    ordered: Ordered
    blocks: Iterator[Block]
    block: Block
    cursor: int = 0  # row of `block` to go on from
    told: int = 0  # samples told, the partition's position
    read_ms: int | None = None
    is_closed: bool = False


class FileSource:
    """Each file is a partition; its position is the number of samples told, in event-time order.

    Files advance together: no file gets ahead of another by more than a block. Refused rows come with the first batch
    of their file. At its end each file closes the tick of the last sample of all files.
    """

    def __init__(self, settings: FileSettings, mapping: RecordMapping, codec: Codec | None = None) -> None:
        if not settings.paths:
            raise ConfigError("source.file.paths: expected at least one file, got none")
        self._settings, self._mapping, self._codec = settings, mapping, codec
        self._names = _names(settings.paths)
        self._files: list[_Reading] = []
        self.closes_ms = 0  # after open: the end of the tick of the last sample

    def open(self, positions: Mapping[str, int]) -> None:
        """Reads the files as far as their order needs it; raises DataError where one cannot be read."""
        self._files = [self._start(path, name, positions.get(name, 0)) for path, name in self._names.items()]
        ends = [file.ordered.last_ms for file in self._files if file.ordered.last_ms is not None]
        steps = [file.ordered.step_ms for file in self._files if file.ordered.step_ms > 0]
        interval = self._settings.interval_ms or min(steps, default=MINUTE_MS)
        self.closes_ms = (max(ends) // interval + 1) * interval if ends else 0

    def poll(self, timeout_s: float) -> list[Batch]:
        going = [file for file in self._files if _has_rows(file)]
        until = min((int(file.block.time_ms[-1]) for file in going), default=None)
        batches = [self._advance(file, until) for file in self._files if not file.is_closed]
        return [batch for batch in batches if batch is not None]

    def partitions(self) -> tuple[str, ...]:
        return tuple(self._names.values())

    def is_finished(self) -> bool:
        return bool(self._files) and all(file.is_closed for file in self._files)

    def lag(self) -> Mapping[str, tuple[int, int | None]]:
        return {file.name: (file.ordered.rows - file.told, file.read_ms) for file in self._files}

    def identity(self) -> str:
        """A hash of the names, sizes and beginnings of the files."""
        digest = hashlib.sha256()
        for path, name in self._names.items():
            try:
                with path.open("rb") as file:
                    digest.update(f"{name}:{path.stat().st_size}:".encode() + file.read(HASHED_BYTES))
            except OSError as error:
                raise unreadable(path, error) from error
        return digest.hexdigest()[:32]

    def close(self) -> None:
        self._files = []

    def _start(self, path: Path, name: str, position: int) -> _Reading:
        codec = self._codec or self._json_codec(path)
        read = partial(read_blocks, path, self._settings.format, self._mapping, codec)
        ordered = put_in_order(read, self._settings.memory_rows)
        blocks = ordered.blocks()
        reading = _Reading(name, ordered, blocks, next(blocks), told=position)
        skipped = position
        while skipped and skipped >= len(reading.block.keys):
            following = next(blocks, None)
            if following is None:
                reading.cursor = len(reading.block.keys)
                break
            skipped -= len(reading.block.keys)
            reading.block = following
        else:
            reading.cursor = skipped
        if reading.cursor:  # what was refused in this block was told with its first rows
            reading.block = reading.block._replace(rejected=[], gaps=0)
        return reading

    def _json_codec(self, path: Path) -> Codec | None:
        if format_of(path, self._settings.format) != "jsonl":
            return None
        from connectors.codecs.json import JsonCodec

        return JsonCodec(self._mapping)

    def _advance(self, file: _Reading, until: int | None) -> Batch | None:
        """The rows of one file up to a time, and its closing word where they are the last."""
        block, start = file.block, file.cursor
        end = start if until is None else max(start, int(np.searchsorted(block.time_ms, until, side="right")))
        rejected, gaps = block.rejected, block.gaps
        file.cursor, file.block = end, block._replace(rejected=[], gaps=0)  # they are told once
        if end >= len(block.keys):
            following = _next_with_rows(file.blocks)
            if following.keys:
                file.block, file.cursor = following, 0
            else:
                file.is_closed = True
                rejected, gaps = rejected + following.rejected, gaps + following.gaps
        if start == end and not rejected and not gaps and not file.is_closed:
            return None
        file.told += end - start
        time_ms = block.time_ms[start:end]
        file.read_ms = int(time_ms[-1]) if time_ms.size else file.read_ms
        return Batch(
            partition=file.name,
            keys=block.keys[start:end],
            time_ms=time_ms,
            value=block.value[start:end],
            record_ms=time_ms,
            next_offset=file.told,
            rejected=tuple(rejected),
            gaps=gaps,
            closes_ms=self.closes_ms if file.is_closed else None,
            last_record_ms=file.read_ms,
        )


def _has_rows(file: _Reading) -> bool:
    return not file.is_closed and file.cursor < len(file.block.keys)


def _next_with_rows(blocks: Iterator[Block]) -> Block:
    """The next block that has rows, with the refusals of those before it that had none; without rows at the end."""
    rejected: list[Rejected] = []
    gaps = 0
    for block in blocks:
        rejected, gaps = rejected + block.rejected, gaps + block.gaps
        if block.keys:
            return block._replace(rejected=rejected, gaps=gaps)
    return Block([], np.empty(0, np.int64), np.empty(0, np.float64), rejected, gaps)


def _names(paths: tuple[Path, ...]) -> dict[Path, str]:
    """A partition name per file: the file's name, with its folder where two files have the same one."""
    unique = list(dict.fromkeys(paths))
    names = [path.name for path in unique]
    return {path: path.name if names.count(path.name) == 1 else path.as_posix() for path in unique}
