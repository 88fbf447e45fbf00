"""The way back: samples to JSON messages that a mapping reads as those samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from connectors.mapping import ROOT, MetricMapping, Path, RecordMapping, show_path
from connectors.records.timestamps import EPOCH, MILLISECOND
from detector.errors import ConfigError
from detector.frame import Key


class Encoder:
    """Writes messages of a mapping's layout. `columns` names the parts of the keys that will come, metric first.

    A gap is written as null. Raises ConfigError for a metric or a column that the mapping does not have.
    """

    def __init__(self, mapping: RecordMapping, columns: Sequence[str]) -> None:
        self.mapping = mapping
        for path in mapping.paths():
            if path[0] == ROOT and mapping.layout != "single":
                raise ConfigError(f"path {show_path(path)}: expected a path inside a sample, to write messages")
        missing = [name for name, _ in mapping.columns if name not in columns]
        if missing:
            found = ", ".join(columns[1:]) or "none"
            raise ConfigError(f"the configuration wants the labels {', '.join(missing)}, the input has {found}")
        self._take = [(list(columns).index(name), name, path) for name, path in mapping.columns]
        self._metrics = {metric.name: metric for metric in mapping.metrics if metric.name_path is None}
        self._any = next((metric for metric in mapping.metrics if metric.name_path is not None), None)
        self._fixed: dict[Key, list[tuple[Path, object]]] = {}

    def encode(self, keys: Sequence[Key], times: Sequence[int], values: Sequence[float]) -> bytes:
        """One message with all these samples, which must be one where the layout is `single`."""
        layout = self.mapping.layout
        members = [self._members(*sample) for sample in zip(keys, times, values, strict=True)]
        if layout == "single":
            (only,) = members
            return msgspec.json.encode(_tree(only))
        if layout == "batch":
            return msgspec.json.encode(_inside(self.mapping.samples, [_tree(sample) for sample in members]))
        paths = [path for path, _ in members[0]] if members else []
        if any([path for path, _ in sample] != paths for sample in members):
            raise ConfigError("columnar messages: expected metrics at the same paths, got different ones")
        lists = [(path, [sample[number][1] for sample in members]) for number, path in enumerate(paths)]
        return msgspec.json.encode(_inside(self.mapping.samples, _tree(lists)))

    def _members(self, key: Key, time_ms: int, value: float) -> list[tuple[Path, object]]:
        fixed = self._fixed.get(key)
        if fixed is None:
            fixed = self._fixed[key] = self._labels(key)
        metric = self._metric(key[0])
        return [
            (self.mapping.timestamp.path, self._time(time_ms)),
            *fixed,
            (metric.value, None if value != value else _number(value, metric)),
        ]

    def _labels(self, key: Key) -> list[tuple[Path, object]]:
        metric = self._metric(key[0])
        labels: list[tuple[Path, object]] = [(path, key[at]) for at, _, path in self._take if key[at]]
        labels += metric.where
        if metric.name_path is not None:
            labels.append((metric.name_path, key[0]))
        return list(dict(labels).items())

    def _metric(self, name: str) -> MetricMapping:
        metric = self._metrics.get(name, self._any)
        if metric is None:
            raise ConfigError(f"metric {name!r} of the input is not in the configuration: {', '.join(self._metrics)}")
        return metric

    def _time(self, time_ms: int) -> object:
        unit = self.mapping.timestamp.unit
        if unit == "rfc3339":
            return (EPOCH + time_ms * MILLISECOND).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if unit == "s":
            return time_ms // 1000 if time_ms % 1000 == 0 else time_ms / 1000
        return time_ms * {"ms": 1, "us": 1000, "ns": 1_000_000}[unit]


def _number(value: float, metric: MetricMapping) -> object:
    number: object = int(value) if value.is_integer() and abs(value) < 2**53 else value
    return str(number) if metric.text_numbers else number


def _tree(members: Sequence[tuple[Path, object]]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, value in members:
        steps = path[1:] if path[0] == ROOT else path
        node = tree
        for step in steps[:-1]:
            node = node.setdefault(step, {})
        node[steps[-1]] = value
    return tree


def _inside(path: Path, value: object) -> object:
    for step in reversed(path):
        value = {step: value}
    return value
