"""Reads messages that are exactly as declared, layout by layout; declines, without a trace, all others.

Members that nobody reads are skipped by the typed parser, whatever they hold (the parser itself bounds their depth).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import repeat
from typing import Any

import msgspec

from connectors.codec import Decoded
from connectors.mapping import RecordMapping
from connectors.records.fault import Fault
from connectors.records.routing import Raw, Router, Routes
from connectors.records.shapes import Shape
from connectors.records.timestamps import EPOCH, MILLISECOND
from detector.frame import Key, Rejected

HUGE = 2.0**63  # from here on the careful reader counts the digits of a whole number


class Samples:
    """Samples as they are read, column by column; `Decoded` is made of it at the end."""

    __slots__ = ("gaps", "keys", "record_ms", "rejected", "times", "values")

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self.times: list[int] = []
        self.values: list[float] = []
        self.record_ms: list[int] = []
        self.rejected: list[Rejected] = []
        self.gaps = 0


Reader = Callable[[bytes, int, Samples], bool]  # message, record time, output; False: nothing was taken


class Declined(Exception):
    """This message needs the careful reader."""


def make_reader(mapping: RecordMapping, router: Router, shape: Shape) -> Reader:
    """The reader of this mapping's layout."""
    if mapping.layout == "single":
        return _single(mapping, router, shape)
    return (_batch if mapping.layout == "batch" else _columnar)(mapping, router, shape)


def _single(mapping: RecordMapping, router: Router, shape: Shape) -> Reader:
    decode, labels, time, value_of = shape.decode, shape.labels, shape.time, shape.value
    get, convert, check = router.keys.get, _converter(mapping), _checker(mapping)
    low, high, floor = mapping.limits.min_time_ms, mapping.limits.max_time_ms, _floor(mapping)
    is_plain = mapping.timestamp.unit == "ms" and len(router.values) == 1

    def read(message: bytes, record_ms: int, out: Samples) -> bool:
        sample = decode(message)
        raw = labels(sample)
        key = get(raw)
        if key is not None and is_plain:
            stamp, value = time(sample), value_of(sample)
            if not (low <= stamp < high and floor < value < HUGE):
                raise Declined
            out.keys.append(key)
            out.times.append(stamp)
            out.values.append(value)
            out.record_ms.append(record_ms)
            return True
        routes = _routes(router, raw)
        stamps = convert([time(sample)])
        check(stamps)
        _spread(routes, stamps[0], shape.values(sample), floor, record_ms, out)
        return True

    return read


def _batch(mapping: RecordMapping, router: Router, shape: Shape) -> Reader:
    decode, samples_of, labels, time, value_of = shape.decode, shape.samples, shape.labels, shape.time, shape.value
    get, convert, check, floor = router.keys.get, _converter(mapping), _checker(mapping), _floor(mapping)
    limit, is_one = mapping.limits.max_samples, len(router.values) == 1

    def read(message: bytes, record_ms: int, out: Samples) -> bool:
        samples = samples_of(decode(message))
        if len(samples) > limit:
            raise Declined
        raws = list(map(labels, samples))
        stamps = convert(list(map(time, samples)))
        check(stamps)
        if is_one:
            return _take(
                router, raws, list(map(get, raws)), stamps, list(map(value_of, samples)), floor, record_ms, out
            )
        _take_wide(router, raws, stamps, map(shape.values, samples), floor, record_ms, out)
        return True

    return read


def _columnar(mapping: RecordMapping, router: Router, shape: Shape) -> Reader:
    decode, samples_of, labels, time, values_of = shape.decode, shape.samples, shape.labels, shape.time, shape.values
    get, convert, check, floor = router.keys.get, _converter(mapping), _checker(mapping), _floor(mapping)
    limit, is_one = mapping.limits.max_samples, len(router.values) == 1

    def read(message: bytes, record_ms: int, out: Samples) -> bool:
        columns = samples_of(decode(message))
        stamps = time(columns)
        count = len(stamps)
        label_columns, value_columns = labels(columns), values_of(columns)
        lists = [c for c in (*label_columns, *value_columns) if type(c) is list]
        if count > limit or any(len(column) != count for column in lists):
            raise Declined
        raws: list[Raw] = list(zip(*(c if type(c) is list else repeat(c, count) for c in label_columns), strict=True))
        raws = raws or [()] * count
        stamps = convert(stamps)
        check(stamps)
        if is_one:
            return _take(router, raws, list(map(get, raws)), stamps, value_columns[0], floor, record_ms, out)
        rows = zip(*(c if type(c) is list else repeat(c, count) for c in value_columns), strict=True)
        _take_wide(router, raws, stamps, rows, floor, record_ms, out)
        return True

    return read


def _take(
    router: Router, raws: list[Raw], keys: list[Key | None], stamps: list[int], values: list[float], floor: float,
    record_ms: int, out: Samples,
) -> bool:  # fmt: skip
    """All samples of a message at once, where each has one value."""
    if values and not (floor < min(values) and max(values) < HUGE):
        raise Declined
    if None in keys:
        keys = [router.keys.get(raw) or _only(_routes(router, raw)) for raw in raws]
        if None in keys:  # a sample that feeds no metric, or several
            _take_wide(router, raws, stamps, ((value,) for value in values), floor, record_ms, out)
            return True
    out.keys += keys  # type: ignore[arg-type]  # no None is left
    out.times += stamps
    out.values += values
    out.record_ms += [record_ms] * len(keys)
    out.gaps += not keys
    return True


def _take_wide(
    router: Router, raws: list[Raw], stamps: list[int], rows: Iterable[tuple[Any, ...]], floor: float, record_ms: int,
    out: Samples,
) -> None:  # fmt: skip
    """Sample by sample, where one may feed several metrics; nothing is added before all are good."""
    taken = Samples()
    for raw, stamp, values in zip(raws, stamps, rows, strict=True):
        _spread(router.young.get(raw) or _routes(router, raw), stamp, values, floor, record_ms, taken)
    out.keys += taken.keys
    out.times += taken.times
    out.values += taken.values
    out.record_ms += taken.record_ms
    out.gaps += not taken.keys


def _spread(routes: Routes, stamp: int, values: tuple[Any, ...], floor: float, record_ms: int, out: Samples) -> None:
    """One record to the samples of all metrics that it feeds."""
    taken = [(route.key, values[route.value]) for route in routes if values[route.value] is not msgspec.UNSET]
    if len(taken) < 1 <= len(routes) or any(not floor < value < HUGE for _, value in taken):
        raise Declined
    for key, value in taken:
        out.keys.append(key)
        out.times.append(stamp)
        out.values.append(value)
        out.record_ms.append(record_ms)


def _routes(router: Router, raw: Raw) -> Routes:
    try:
        return router.route(raw)
    except Fault:
        raise Declined from None


def _only(routes: Routes) -> Key | None:
    return routes[0].key if len(routes) == 1 else None


def _floor(mapping: RecordMapping) -> float:
    """Values above this need no look; what is below the highest `minimum` is for the careful reader to judge."""
    minima = [metric.minimum for metric in mapping.metrics if metric.minimum is not None]
    return max([-HUGE, *(math.nextafter(minimum, -math.inf) for minimum in minima)])


def _converter(mapping: RecordMapping) -> Callable[[list[Any]], list[int]]:
    unit = mapping.timestamp.unit
    if unit == "rfc3339":
        return _from_datetimes
    if unit == "s":
        return lambda stamps: [stamp * 1000 for stamp in stamps]
    if unit == "ms":
        return lambda stamps: stamps
    per_ms = 1000 if unit == "us" else 1_000_000
    return lambda stamps: [stamp // per_ms for stamp in stamps]


def _from_datetimes(stamps: list[datetime]) -> list[int]:
    return [((s if s.tzinfo is not None else s.replace(tzinfo=UTC)) - EPOCH) // MILLISECOND for s in stamps]


def _checker(mapping: RecordMapping) -> Callable[[list[int]], None]:
    low, high = mapping.limits.min_time_ms, mapping.limits.max_time_ms

    def check(stamps: list[int]) -> None:
        if stamps and not (low <= min(stamps) and max(stamps) < high):
            raise Declined

    return check


def decoded(out: Samples) -> Decoded:
    """The columns as arrays."""
    import numpy as np

    return Decoded(
        keys=out.keys,
        time_ms=np.array(out.times, np.int64),
        value=np.array(out.values, np.float64),
        record_ms=np.array(out.record_ms, np.int64),
        rejected=out.rejected,
        gaps=out.gaps,
        closes_ms=None,
    )
