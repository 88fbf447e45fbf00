"""Reads one parsed message slowly and exactly: every fault is found, named and counted, the rest is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from connectors.mapping import ROOT, Path, RecordMapping, show_path
from connectors.records.fault import Fault, show
from connectors.records.numbers import read_value
from connectors.records.routing import Router, no_value
from connectors.records.timestamps import read_time
from detector.frame import Key, Rejected, RejectReason

ABSENT = object()


class Reading(NamedTuple):
    """What one message gave: its samples in order, its refusals (one per reason), and points that meant no metric."""

    keys: list[Key]
    times: list[int]
    values: list[float]
    rejected: list[Rejected]
    unmatched: int


class Careful:
    """Follows a mapping through parsed JSON."""

    def __init__(self, mapping: RecordMapping, router: Router) -> None:
        self.mapping = mapping
        self.router = router

    def read(self, document: object, offset: int) -> Reading:
        """The samples of one message; a fault of a sample refuses this sample only, one of the message it all."""
        reading = Reading([], [], [], [], 0)
        counts: dict[RejectReason, tuple[str, int]] = {}
        unmatched = 0
        try:
            for sample in self._samples(document):
                unmatched += self._take(sample, document, reading, counts)
        except Fault as fault:
            samples = self._samples_claimed(document) if fault.reason == "too_large" else 1
            return Reading([], [], [], [Rejected(offset, fault.reason, fault.detail, samples)], 0)
        rejected = [Rejected(offset, reason, detail, count) for reason, (detail, count) in counts.items()]
        return reading._replace(rejected=rejected, unmatched=unmatched)

    def _take(
        self, sample: object, document: object, reading: Reading, counts: dict[RejectReason, tuple[str, int]]
    ) -> int:
        """Adds one point to `reading` or to `counts`; 1 when no metric is meant by it."""

        def refuse(fault: Fault) -> None:
            detail, count = counts.get(fault.reason, (fault.detail, 0))
            counts[fault.reason] = (detail, count + 1)

        try:
            if not isinstance(sample, dict | list | Row):
                raise Fault("bad_shape", f"{show_path(self.mapping.samples)}: expected objects, got {show(sample)}")
            routes = self.router.route(tuple(self._at(path, sample, document) for path in self.router.paths))
            if not routes:
                return 1
            found = [(route, self._at(route.metric.value, sample, document, ABSENT)) for route in routes]
            found = [(route, value) for route, value in found if value is not ABSENT]
            if not found:
                raise no_value(routes)
            stamp = self._at(self.mapping.timestamp.path, sample, document, ABSENT)
            if stamp is ABSENT:
                raise Fault(
                    "bad_time", f"{show_path(self.mapping.timestamp.path)}: expected a time, got no such member"
                )
            time_ms = read_time(stamp, self.mapping.timestamp, self.mapping.limits)
        except Fault as fault:
            refuse(fault)
            return 0
        for route, value in found:
            try:
                number = read_value(value, route.metric)
            except Fault as fault:
                refuse(fault)
                continue
            reading.keys.append(route.key)
            reading.times.append(time_ms)
            reading.values.append(number)
        return 0

    def _samples(self, document: object) -> Iterator[object]:
        layout, path, limit = self.mapping.layout, self.mapping.samples, self.mapping.limits.max_samples
        if layout == "single":
            _expect_object(document, "message")
            yield document
            return
        place = show_path(path)
        inner = _follow(document, path, ABSENT)
        if inner is ABSENT:
            raise Fault("bad_shape", f"{place}: expected the samples, got no such member")
        if layout == "columnar":
            _expect_object(inner, place)
            assert isinstance(inner, dict)
            yield from self._rows(inner, place)
            return
        if not isinstance(inner, list):
            raise Fault("bad_shape", f"{place}: expected a list of samples, got {show(inner)}")
        if len(inner) > limit:
            raise Fault("too_large", f"{place}: expected at most {limit} samples in a message, got {len(inner)}")
        yield from inner

    def _rows(self, columns: Mapping[str, object], place: str) -> Iterator[object]:
        """The samples of a columnar message, one dict each, with the steps of the mapped paths."""
        limit = self.mapping.limits.max_samples
        paths = [path for path in self.mapping.paths() if path[0] != ROOT]
        found = {path: _follow(columns, path, ABSENT) for path in paths}
        lengths = {path: len(values) for path, values in found.items() if isinstance(values, list)}
        if not lengths:
            raise Fault("bad_shape", f"{place}: expected equally long lists, got none at {show_path(paths[0])}")
        if len(set(lengths.values())) > 1:
            sizes = ", ".join(f"{show_path(path)} {length}" for path, length in lengths.items())
            raise Fault("bad_shape", f"{place}: expected equally long lists, got {sizes}")
        count = next(iter(lengths.values()))
        if count > limit:
            raise Fault("too_large", f"{place}: expected at most {limit} samples in a message, got {count}")
        for number in range(count):
            row = {path: values[number] if isinstance(values, list) else values for path, values in found.items()}
            yield Row({path: value for path, value in row.items() if value is not ABSENT})

    def _samples_claimed(self, document: object) -> int:
        inner = _follow(document, self.mapping.samples, None)
        lists = inner.values() if isinstance(inner, dict) else [inner]
        return max((len(values) for values in lists if isinstance(values, list)), default=1)

    def _at(self, path: Path, sample: object, document: object, default: object = None) -> object:
        if path[0] == ROOT:
            return _follow(document, path[1:], default)
        return sample.cells.get(path, default) if isinstance(sample, Row) else _follow(sample, path, default)


class Row(NamedTuple):
    """One sample of a columnar message: the values at the mapped paths."""

    cells: Mapping[Path, object]


def _follow(value: object, path: Path, default: object) -> object:
    for step in path:
        if isinstance(value, dict):
            value = value.get(step, ABSENT)
        elif isinstance(value, list) and step.isdecimal() and len(step) < 6 and int(step) < len(value):
            value = value[int(step)]
        else:
            return default
        if value is ABSENT:
            return default
    return value


def _expect_object(value: object, place: str) -> None:
    if not isinstance(value, dict):
        raise Fault("bad_shape", f"{place}: expected an object, got {show(value)}")
