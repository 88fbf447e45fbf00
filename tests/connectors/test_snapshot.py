"""Snapshots: whole or not believed, whatever happened to the file."""

from __future__ import annotations

import json
import os
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import crc32c
import numpy as np
import pytest

from connectors import snapshot
from detector.errors import RefusedError, StorageError

HEADER = {"positions": {"t/0": 42}, "text": "ü"}


def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    return {
        "level": rng.normal(size=(7, 33)).astype(np.float32),
        "season": rng.normal(size=(3, 5)).astype(np.float16),
        "flags": rng.random(9) > 0.5,
        "empty": np.zeros((0, 4), np.int64),
        "scalar": np.array(5, np.int64),
        "keys": np.frombuffer(b"one\0two", np.uint8),
        "strided": np.arange(20.0)[::2],
    }


def rewrite(path: Path, change: Callable[[dict[str, object]], None]) -> None:
    """Changes the header and makes all check sums right again, as a careful liar would."""
    data = bytearray(path.read_bytes())
    (length,) = struct.unpack_from("<I", data, 8)
    content = json.loads(bytes(data[16 : 16 + length]))
    change(content)
    text = json.dumps(content, separators=(",", ":")).encode()
    body = bytes(data[16 + length + (-(16 + length) % 64) : -12])
    head = struct.pack("<8sII", snapshot.MAGIC, len(text), crc32c.crc32c(text))
    whole = head + text + bytes(-(16 + len(text)) % 64) + body
    path.write_bytes(whole + struct.pack("<I8s", crc32c.crc32c(whole), snapshot.END))


def test_what_is_written_is_read_back_to_the_bit(tmp_path: Path) -> None:
    """Types, shapes and bytes of every array survive, and so does the header."""
    path = snapshot.write(tmp_path, HEADER, arrays())

    found = snapshot.read(path)

    assert HEADER == found.header
    assert found.number == 1
    for name, array in arrays().items():
        assert (array.dtype, array.shape) == (found.arrays[name].dtype, found.arrays[name].shape)
        assert array.tobytes() == found.arrays[name].tobytes()


def test_three_are_kept_and_numbers_only_grow(tmp_path: Path) -> None:
    """The newest three stay, in order; leftovers of a crash are deleted."""
    for _ in range(5):
        snapshot.write(tmp_path, HEADER, arrays())
    (tmp_path / "00000006.tmp").write_bytes(b"half")

    names = [path.name for path in snapshot.newest_first(tmp_path)]

    assert ["00000005.tsnap", "00000004.tsnap", "00000003.tsnap"] == names
    assert not (tmp_path / "00000006.tmp").exists()


def test_any_flipped_bit_is_noticed(tmp_path: Path) -> None:
    """F26a: one bit flipped anywhere in the file, header, array, padding or check sum."""
    path = snapshot.write(tmp_path, HEADER, arrays())
    good = path.read_bytes()

    for at in range(0, len(good), 5):
        path.write_bytes(good[:at] + bytes([good[at] ^ (1 << at % 8)]) + good[at + 1 :])
        with pytest.raises(snapshot.BadSnapshotError):
            snapshot.read(path)


def test_any_cut_is_noticed(tmp_path: Path) -> None:
    """F26a: truncated at any length, zero included, and with something appended."""
    path = snapshot.write(tmp_path, HEADER, arrays())
    good = path.read_bytes()

    for length in [*range(0, len(good), 7), len(good) - 1]:
        path.write_bytes(good[:length])
        with pytest.raises(snapshot.BadSnapshotError):
            snapshot.read(path)
    path.write_bytes(good + b"x")
    with pytest.raises(snapshot.BadSnapshotError):
        snapshot.read(path)


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [([10**9, 10], "<f8"), ([-1, 3], "<f4"), ([2**40, 2**40], "<f8"), ([7, 33], "|O"), ([7, 33], "<M8[ms]"),
     ([7, 34], "<f4"), (["x"], "<f4"), (None, "<f4")],
)  # fmt: skip
def test_claimed_sizes_and_types_are_checked_before_anything_is_allocated(
    tmp_path: Path, shape: object, dtype: str
) -> None:
    """F26a: a header with right check sums that claims 80 GB, negative sizes, objects, or nonsense."""
    path = snapshot.write(tmp_path, HEADER, arrays())

    def lie(content: dict[str, object]) -> None:
        content["arrays"][0].update(shape=shape, dtype=dtype)  # type: ignore[index]

    rewrite(path, lie)
    tracemalloc.start()
    with pytest.raises(snapshot.BadSnapshotError):
        snapshot.read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 2_000_000


def test_a_header_without_what_it_must_have_is_refused(tmp_path: Path) -> None:
    """A valid JSON that is not a snapshot's header."""
    path = snapshot.write(tmp_path, HEADER, arrays())
    rewrite(path, lambda content: content.pop("kept"))

    with pytest.raises(snapshot.BadSnapshotError, match="not of a snapshot"):
        snapshot.read(path)


def test_a_huge_header_is_not_read(tmp_path: Path) -> None:
    """10 GB claimed in the header's length."""
    path = tmp_path / "00000001.tsnap"
    path.write_bytes(struct.pack("<8sII", snapshot.MAGIC, 2**32 - 1, 0) + bytes(100))

    with pytest.raises(snapshot.BadSnapshotError, match="claims a header"):
        snapshot.read(path)


def test_a_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    """P22: exit 4, one sentence, file untouched."""
    path = snapshot.write(tmp_path, HEADER, arrays())
    rewrite(path, lambda content: content.update(format=snapshot.FORMAT + 1))
    before = path.read_bytes()

    with pytest.raises(RefusedError, match="newer Tocsin") as caught:
        snapshot.read(path)

    assert caught.value.exit_code == 4
    assert before == path.read_bytes()


def test_only_plain_files_are_read(tmp_path: Path) -> None:
    """A directory, a symbolic link, a pipe and a missing file are errors that name the path."""
    real = snapshot.write(tmp_path / "real", HEADER, arrays())
    link, pipe, folder = (tmp_path / f"0000000{n}.tsnap" for n in (1, 2, 3))
    link.symlink_to(real)
    os.mkfifo(pipe)
    folder.mkdir()

    for path in (link, pipe, folder, tmp_path / "missing.tsnap"):
        with pytest.raises(snapshot.BadSnapshotError, match=path.name):
            snapshot.read(path)


def test_a_disk_that_is_full_leaves_the_snapshots_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F23: ENOSPC at the sync: an error that names the file, no leftover, the old one still loads."""
    old = snapshot.write(tmp_path, HEADER, arrays())

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        snapshot.write(tmp_path, HEADER, arrays())

    assert snapshot.newest_first(tmp_path) == [old]
    assert HEADER == snapshot.read(old).header


def test_objects_are_not_written(tmp_path: Path) -> None:
    """Nothing that would need pickle gets in."""
    with pytest.raises(StorageError, match="may be stored"):
        snapshot.write(tmp_path, {}, {"bad": np.array([object()])})
