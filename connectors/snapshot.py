"""State and source positions of one tick in one file, old or new but never mixed, checked before it is believed.

Layout (little-endian): magic, length and CRC32C of the header; the header as JSON (format, what the caller keeps, table
of arrays); the raw arrays, each at a multiple of 64 with its own CRC32C; CRC32C of all that and the closing magic.
Publication: write `.tmp`, fsync, rename, fsync the directory, delete all but the newest three. There is no pickle.
"""

from __future__ import annotations

import json
import os
import re
import stat
import struct
from collections.abc import Mapping
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import crc32c
import numpy as np
from numpy.typing import NDArray

from connectors.failpoint import fp
from detector.errors import RefusedError, StorageError, TocsinError

FORMAT = 1
SUFFIX = ".tsnap"
KEEP = 3
MAGIC = b"TOCSNAP\n"
END = b"TOCSEND\n"
ALIGN = 64
MAX_HEADER = 64 * 2**20
DTYPES = frozenset(
    np.dtype(name).str
    for name in ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
)  # fmt: skip
_HEAD = struct.Struct("<8sII")  # magic, header length, header CRC
_TAIL = struct.Struct("<I8s")  # CRC of everything before, closing magic
_NAME = re.compile(r"(\d{8,})\.tsnap")

Arrays = Mapping[str, NDArray[Any]]


class BadSnapshotError(TocsinError):
    """A snapshot cannot be believed: torn, flipped, lying about its sizes, or not a plain file of ours."""

    exit_code = 74


class Snapshot(NamedTuple):
    """What was read: the file's number, the caller's header, the arrays (writable copies)."""

    number: int
    header: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


def write(directory: Path, header: Mapping[str, Any], arrays: Arrays, keep: int = KEEP) -> Path:
    """Publishes the next snapshot and returns its path; on an error the ones before stay as they are.

    A failed fsync is never tried again on the same file: the kernel may have dropped the pages it could not write.
    """
    numbers = _numbers(directory)
    final = directory / f"{(numbers[-1] + 1 if numbers else 1):08d}{SUFFIX}"
    part = final.with_suffix(".tmp")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with open(part, "wb") as file:
            _write_body(file, header, arrays)
            file.flush()
            os.fsync(file.fileno())
        fp("snap_synced")
        os.rename(part, final)
        fp("snap_linked")
        sync_directory(directory)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StorageError(f"{part}: the snapshot cannot be written: {error.strerror}") from error
    prune(directory, keep)
    return final


def newest_first(directory: Path) -> list[Path]:
    """Paths of the published snapshots, newest first; unpublished leftovers (`.tmp`) are deleted."""
    if not directory.is_dir():
        return []
    for leftover in directory.glob("*.tmp"):
        with suppress(OSError):
            leftover.unlink()
    return [directory / f"{number:08d}{SUFFIX}" for number in reversed(_numbers(directory))]


def read(path: Path) -> Snapshot:
    """Reads and verifies one snapshot; nothing is allocated for a size that the file does not have.

    Raises `BadSnapshotError` when it cannot be believed and `RefusedError` when a newer program wrote it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise BadSnapshotError(f"{path}: cannot be opened: {error.strerror}") from error
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode):
        os.close(descriptor)
        raise BadSnapshotError(f"{path}: expected a plain file")
    with open(descriptor, "rb") as file:
        if about.st_uid not in (os.geteuid(), 0):
            raise BadSnapshotError(f"{path}: owned by user {about.st_uid}, expected {os.geteuid()}")
        try:
            return _read_body(path, file, about.st_size)
        except OSError as error:
            raise BadSnapshotError(f"{path}: cannot be read: {error.strerror}") from error


def prune(directory: Path, keep: int = KEEP) -> None:
    """Deletes all but the newest; what cannot be deleted (somebody's directory) is left."""
    for number in _numbers(directory)[:-keep]:
        with suppress(OSError):
            (directory / f"{number:08d}{SUFFIX}").unlink()


def sync_directory(directory: Path) -> None:
    """Makes renames inside `directory` survive a loss of power."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _numbers(directory: Path) -> list[int]:
    if not directory.is_dir():
        return []
    return sorted(int(found[1]) for name in os.listdir(directory) if (found := _NAME.fullmatch(name)))


def _write_body(file: BinaryIO, header: Mapping[str, Any], arrays: Arrays) -> None:
    table: list[dict[str, Any]] = []
    offset = 0  # from the start of the array section
    for name, array in arrays.items():
        if array.dtype.str not in DTYPES:
            raise StorageError(f"snapshot array {name!r}: type {array.dtype} is not among those that may be stored")
        crc = crc32c.crc32c(_bytes(array))
        table.append({"name": name, "dtype": array.dtype.str, "shape": list(array.shape), "at": offset, "crc": crc})
        offset = _aligned(offset + array.nbytes)
    text = json.dumps(
        {"format": FORMAT, "kept": header, "arrays": table}, separators=(",", ":"), default=_plain
    ).encode()
    crc = _put(file, _HEAD.pack(MAGIC, len(text), crc32c.crc32c(text)), 0)
    crc = _put(file, text, crc)
    crc = _put(file, bytes(_padding(_HEAD.size + len(text))), crc)
    for i, array in enumerate(arrays.values()):
        crc = _put(file, _bytes(array), crc)
        crc = _put(file, bytes(_padding(array.nbytes)), crc)
        if i == len(arrays) // 2:
            file.flush()
            fp("snap_half")
    file.write(_TAIL.pack(crc, END))


def _read_body(path: Path, file: BinaryIO, size: int) -> Snapshot:
    if size < _HEAD.size + _TAIL.size:
        raise BadSnapshotError(f"{path}: {size} bytes are too few for a snapshot")
    head = file.read(_HEAD.size)
    magic, length, header_crc = _HEAD.unpack(head)
    if magic != MAGIC:
        raise BadSnapshotError(f"{path}: starts with {magic!r}, expected {MAGIC!r}")
    if length > min(size, MAX_HEADER):
        raise BadSnapshotError(f"{path}: claims a header of {length} bytes in a file of {size}")
    text = file.read(length)
    if len(text) != length or crc32c.crc32c(text) != header_crc:
        raise BadSnapshotError(f"{path}: the header does not fit its check sum")
    try:
        content = json.loads(text)
        number, kept, table = int(content["format"]), dict(content["kept"]), list(content["arrays"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadSnapshotError(f"{path}: the header is not of a snapshot: {error}") from error
    if number > FORMAT:
        raise RefusedError(f"{path}: format {number} was written by a newer Tocsin; this one reads up to {FORMAT}")
    padding = file.read(_padding(_HEAD.size + length))
    crc = crc32c.crc32c(padding, crc32c.crc32c(text, crc32c.crc32c(head)))
    arrays, crc = _read_arrays(path, file, table, size - _HEAD.size - length - len(padding) - _TAIL.size, crc)
    whole, end = _TAIL.unpack(file.read(_TAIL.size))
    if (whole, end) != (crc, END):
        raise BadSnapshotError(f"{path}: the file does not fit its check sum")
    found = _NAME.fullmatch(path.name)
    return Snapshot(int(found[1]) if found else 0, kept, arrays)


def _read_arrays(path: Path, file: BinaryIO, table: Any, room: int, crc: int) -> tuple[dict[str, NDArray[Any]], int]:
    plan: list[tuple[str, np.dtype[Any], tuple[int, ...], int]] = []
    offset = 0
    for entry in table:
        try:
            name, dtype, claimed = str(entry["name"]), str(entry["dtype"]), int(entry["crc"])
            shape, at = tuple(int(n) for n in entry["shape"]), int(entry["at"])
        except (KeyError, TypeError, ValueError) as error:
            raise BadSnapshotError(f"{path}: the table of arrays is broken: {error}") from error
        if dtype not in DTYPES:
            raise BadSnapshotError(f"{path}: array {name!r} has type {dtype!r}, which may not be stored")
        length = prod(shape) * np.dtype(dtype).itemsize
        if min(shape, default=0) < 0 or at != offset or offset + length > room:
            raise BadSnapshotError(f"{path}: array {name!r} of {shape} does not fit into {room} bytes")
        plan.append((name, np.dtype(dtype), shape, claimed))
        offset = _aligned(offset + length)
    if offset != room:
        raise BadSnapshotError(f"{path}: {room} bytes of arrays, expected {offset}")
    arrays: dict[str, NDArray[Any]] = {}
    for name, kind, shape, claimed in plan:
        array = np.empty(shape, kind)
        view = _bytes(array)
        if file.readinto(view) != array.nbytes or crc32c.crc32c(view) != claimed:  # type: ignore[attr-defined]
            raise BadSnapshotError(f"{path}: array {name!r} does not fit its check sum")
        padding = file.read(_padding(array.nbytes))
        crc = crc32c.crc32c(padding, crc32c.crc32c(view, crc))
        arrays[name] = array
    return arrays, crc


def _bytes(array: NDArray[Any]) -> memoryview:
    """The array's memory as bytes, without a copy where it is contiguous."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _plain(value: object) -> object:
    """A number of numpy in a header, as JSON knows it."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in a snapshot's header")


def _put(file: BinaryIO, data: bytes | memoryview, crc: int) -> int:
    file.write(data)
    return int(crc32c.crc32c(data, crc))


def _aligned(offset: int) -> int:
    return offset + _padding(offset)


def _padding(length: int) -> int:
    return -length % ALIGN
