"""The JSON codec: free JSON, one sample, a list of samples or an object of lists per message."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast

import msgspec

from connectors.codec import Decoded, Record
from connectors.mapping import RecordMapping
from connectors.records.careful import Careful
from connectors.records.fast import Declined, Reader, Samples, decoded, make_reader
from connectors.records.fault import Fault
from connectors.records.numbers import parse_integer
from connectors.records.routing import Router
from connectors.records.shapes import make_shape
from detector.frame import Rejected

BOM = b"\xef\xbb\xbf"
NOT_FAST = (Declined, msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError)


class JsonCodec:
    """Decodes by a typed parser where a record is as declared, and reads carefully where it is not.

    The typed parser takes a message whole or not at all; what it declines goes to `Careful`, which alone decides about
    faults. So the fate of a record never depends on its neighbours. A message that no metric is meant by, and an empty
    list of samples, is a gap.
    """

    def __init__(self, mapping: RecordMapping) -> None:
        self.mapping = mapping
        self._router = Router(mapping)
        self._careful = Careful(mapping, self._router)
        shape = make_shape(mapping, self._router)
        self._fast: Reader | None = make_reader(mapping, self._router, shape) if shape else None

    def decode(self, records: Sequence[Record]) -> Decoded:
        out = Samples()
        limit, fast = self.mapping.limits.max_message_bytes, self._fast
        for offset, record_ms, _, value, _ in records:
            if value is None:
                out.gaps += 1
                continue
            if len(value) > limit:
                detail = f"message: expected at most {limit} bytes, got {len(value)}"
                out.rejected.append(Rejected(offset, "too_large", detail))
                continue
            try:
                if fast is not None and (value.isascii() or str(value, "utf-8")) and fast(value, record_ms, out):
                    continue
            except NOT_FAST:
                pass
            self._read_carefully(offset, record_ms, value, out)
        return decoded(out)

    def _read_carefully(self, offset: int, record_ms: int, message: bytes, out: Samples) -> None:
        try:
            document = parse(message, self.mapping.limits.max_depth)
        except Fault as fault:
            out.rejected.append(Rejected(offset, fault.reason, fault.detail))
            return
        reading = self._careful.read(document, offset)
        out.keys += reading.keys
        out.times += reading.times
        out.values += reading.values
        out.record_ms += [record_ms] * len(reading.keys)
        out.rejected += reading.rejected
        out.gaps += not reading.keys and not reading.rejected


def parse(message: bytes, max_depth: int) -> object:
    """One JSON document; NaN and Infinity are read as such, so that they get their own reason; raises `Fault`."""
    try:
        text = message.removeprefix(BOM).decode()
    except UnicodeDecodeError as error:
        raise Fault("undecodable", f"message: expected UTF-8, got byte {message[error.start]:#04x}") from None
    try:
        document: object = json.loads(text, parse_int=parse_integer)
    except RecursionError:
        raise Fault("bad_shape", f"message: expected at most {max_depth} levels, got many more") from None
    except ValueError as error:
        raise Fault("undecodable", f"message: expected one JSON document ({error})") from None
    if is_deeper(document, max_depth):
        raise Fault("bad_shape", f"message: expected at most {max_depth} levels, got more")
    return document


def is_deeper(document: object, levels: int) -> bool:
    """Are there more than so many lists and objects inside each other?"""
    level, depth = [document] if isinstance(document, dict | list) else [], 0
    while level and depth <= levels:
        depth += 1
        members = [
            v for outer in level for v in (outer.values() if isinstance(outer, dict) else cast(list[object], outer))
        ]
        level = [member for member in members if isinstance(member, dict | list)]
    return depth > levels
