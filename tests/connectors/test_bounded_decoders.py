"""Decompression stops at its limit, in every codec of Kafka."""

from __future__ import annotations

import random
import tracemalloc
from contextlib import suppress

import pytest

from connectors import bounded_decoders
from connectors.bounded_decoders import TooLargeError

CODECS = ("gzip", "snappy", "lz4", "zstd")


def pack(codec: str, data: bytes) -> bytes:
    import kafka.codec

    packed: bytes = getattr(kafka.codec, f"{codec}_encode")(data)
    return packed


def unpack(codec: str, data: bytes, limit: int = bounded_decoders.MAX_BYTES) -> bytes:
    found: bytes = getattr(bounded_decoders, f"{codec}_decode")(data, limit=limit)
    return found


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("data", [b"a", b"hello kafka " * 50_000])
def test_what_kafka_packs_is_unpacked(codec: str, data: bytes) -> None:
    """Also from a view of memory, as the client passes it, and at exactly the limit."""
    assert data == unpack(codec, memoryview(pack(codec, data)), limit=len(data))  # type: ignore[arg-type]


@pytest.mark.parametrize("codec", CODECS)
def test_a_bomb_is_refused_before_it_fills_memory(codec: str) -> None:
    """B11: 200 MB behind a limit of 1 MB."""
    bomb = pack(codec, b"\0" * 200_000_000) if codec != "gzip" else _gzip_bomb(200)
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            unpack(codec, bomb, limit=1_000_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 30_000_000


@pytest.mark.parametrize("codec", CODECS)
def test_damage_raises_or_gives_bytes_but_never_hangs(codec: str) -> None:
    """Cut and changed data."""
    luck = random.Random(3)
    good = pack(codec, b"hello kafka " * 200)
    for _ in range(300):
        damaged = bytearray(good[: luck.randrange(1, len(good) + 1)])
        damaged[luck.randrange(len(damaged))] = luck.randrange(256)
        found = b""
        with suppress(ValueError, EOFError, OSError, RuntimeError, *_own_errors()):
            found = unpack(codec, bytes(damaged), limit=1_000_000)
        assert len(found) <= 1_000_000


def test_they_take_the_place_of_the_clients_own() -> None:
    """The client looks its decoders up in these modules."""
    import kafka.record.default_records as records

    bounded_decoders.install()

    assert records.gzip_decode.func is bounded_decoders.gzip_decode
    assert records.zstd_decode.func is bounded_decoders.zstd_decode


def _gzip_bomb(megabytes: int) -> bytes:
    import zlib

    packer = zlib.compressobj(wbits=31, level=1)
    piece = b"\0" * 1_000_000
    return b"".join(packer.compress(piece) for _ in range(megabytes)) + packer.flush()


def _own_errors() -> tuple[type[Exception], ...]:
    import zlib

    import snappy
    import zstandard

    return zlib.error, snappy.UncompressError, zstandard.ZstdError
