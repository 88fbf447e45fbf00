"""Decompression of Kafka batches with a limit: without one, 400 kB from a stranger unpack to 400 MB."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial
from importlib import import_module
from struct import unpack_from
from typing import Any

MAX_BYTES = 64 * 1024 * 1024  # of one batch, unpacked
PIECE = 1024 * 1024
XERIAL = b"\x82SNAPPY\x00"  # Java's framing of snappy: 16 bytes, then blocks with their length in front
Decoder = Callable[[Any], bytes]


class TooLargeError(ValueError):
    """A batch unpacks to more than we accept: it is unreadable."""


def install(limit: int = MAX_BYTES) -> None:
    """Puts the bounded decoders in the place of kafka-python's, in this process; calling it again changes nothing."""
    bounded: dict[str, Decoder] = {
        "gzip_decode": partial(gzip_decode, limit=limit),
        "snappy_decode": partial(snappy_decode, limit=limit),
        "lz4_decode": partial(lz4_decode, limit=limit),
        "zstd_decode": partial(zstd_decode, limit=limit),
    }
    for name in ("kafka.record.default_records", "kafka.record.legacy_records"):
        module = import_module(name)
        for function, decoder in bounded.items():
            if hasattr(module, function):
                setattr(module, function, decoder)


def gzip_decode(data: Any, limit: int = MAX_BYTES) -> bytes:
    """Unpacks gzip, member after member."""
    rest, out = bytes(data), b""
    while rest:
        member = zlib.decompressobj(wbits=31)
        out += member.decompress(rest, limit - len(out) + 1)
        _check(len(out), limit)
        if not member.eof:
            raise EOFError("the gzip data end too early")
        rest = member.unused_data
    return out


def snappy_decode(data: Any, limit: int = MAX_BYTES) -> bytes:
    """Unpacks snappy, raw or in Java's frames; the size that each block claims is checked before it is unpacked."""
    raw = bytes(data)
    if not raw.startswith(XERIAL):
        return _snappy_block(raw, limit)
    parts, at, size = [], 16, 0
    while at < len(raw):
        (length,) = unpack_from("!i", raw, at) if at + 4 <= len(raw) else (-1,)
        if length < 0 or at + 4 + length > len(raw):
            raise ValueError(f"snappy: a block claims {length} bytes")
        parts.append(_snappy_block(raw[at + 4 : at + 4 + length], limit - size))
        at, size = at + 4 + length, size + len(parts[-1])
    return b"".join(parts)


def lz4_decode(data: Any, limit: int = MAX_BYTES) -> bytes:
    """Unpacks an lz4 frame."""
    import lz4.frame

    decoder = lz4.frame.LZ4FrameDecompressor()
    out: bytes = decoder.decompress(bytes(data), max_length=limit + 1)
    _check(len(out), limit)
    if not decoder.eof:
        raise EOFError("the lz4 frame ends too early")
    return out


def zstd_decode(data: Any, limit: int = MAX_BYTES) -> bytes:
    """Unpacks zstd frames."""
    import zstandard

    parts, size = [], 0
    reader = zstandard.ZstdDecompressor(max_window_size=MAX_BYTES).stream_reader(bytes(data), read_across_frames=True)
    with reader:
        while piece := reader.read(PIECE):
            size += len(piece)
            _check(size, limit)
            parts.append(piece)
    return b"".join(parts)


def _snappy_block(raw: bytes, limit: int) -> bytes:
    import snappy

    claimed = shift = 0
    for byte in raw[:5]:  # the length stands in front, seven bits a byte
        claimed |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    _check(claimed, limit)
    out: bytes = snappy.decompress(raw)
    return out


def _check(size: int, limit: int) -> None:
    if size > limit:
        raise TooLargeError(f"a batch unpacks to more than {limit} bytes")
