"""From the raw labels of a record to the keys of its samples: which metrics it feeds, under which labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from connectors.mapping import Constant, MetricMapping, Path, RecordMapping, show_path
from connectors.records.fault import Fault
from connectors.records.labels import read_label
from detector.frame import Key

Raw = tuple[object, ...]  # one value per `Router.paths`, None where the record has none
CACHED = 500_000  # keys of each of the two generations: bounds memory when labels explode


class Route(NamedTuple):
    """One sample that a record gives: its key, and which of `Router.values` holds its number."""

    key: Key
    value: int
    metric: MetricMapping


Routes = tuple[Route, ...]  # empty: no metric is meant


class Router:
    """Matches records with metrics and makes their keys; equal labels give the very same tuple.

    The cache has two generations: when the young one is full it becomes the old one, so that a burst of labels that
    never come again cannot crowd out those that do.
    """

    def __init__(self, mapping: RecordMapping, cached: int = CACHED) -> None:
        self.mapping = mapping
        label_paths = [path for _, path in mapping.columns]
        for metric in mapping.metrics:
            label_paths += [*([metric.name_path] if metric.name_path else []), *(path for path, _ in metric.where)]
        self.paths: tuple[Path, ...] = tuple(dict.fromkeys(label_paths))
        self.values: tuple[Path, ...] = tuple(dict.fromkeys(metric.value for metric in mapping.metrics))
        self._place = {path: number for number, path in enumerate(self.paths)}
        self._texts: dict[str, str] = {}
        self._cached = cached
        self.young: dict[Raw, Routes] = {}
        self.keys: dict[Raw, Key] = {}  # of young: the key where a record gives exactly one sample
        self._old: dict[Raw, Routes] = {}

    def route(self, raw: Raw) -> Routes:
        """The routes of a record; raises `Fault` bad_label. Only texts are cached: True, 1 and 1.0 are one dict key."""
        if not _is_text(raw):
            return self._make(raw)
        routes = self.young.get(raw)
        if routes is None:
            routes = self._old.get(raw)
            self._remember(raw, self._make(raw) if routes is None else routes)
        return self.young[raw]

    def _remember(self, raw: Raw, routes: Routes) -> None:
        if len(self.young) >= self._cached:
            self._old, kept = dict(self.young), self._texts
            self._texts = kept if len(kept) < self._cached else {}
            self.young.clear()  # the same objects: readers hold their `get`
            self.keys.clear()
        self.young[raw] = routes
        if len(routes) == 1:
            self.keys[raw] = routes[0].key

    def _make(self, raw: Raw) -> Routes:
        routes = []
        for metric in self.mapping.metrics:
            if all(_equal(raw[self._place[path]], constant) for path, constant in metric.where):
                name = metric.name
                if metric.name_path is not None:
                    name = self._label(raw, metric.name_path)
                key = (name, *(self._column(raw, metric, column, path) for column, path in self.mapping.columns))
                routes.append(Route(key, self.values.index(metric.value), metric))
        return tuple(routes)

    def _column(self, raw: Raw, metric: MetricMapping, column: str, path: Path) -> str:
        if metric.dimensions is not None and column.split(".", 1)[0] not in metric.dimensions:
            return ""
        return self._label(raw, path)

    def _label(self, raw: Raw, path: Path) -> str:
        text = read_label(raw[self._place[path]], show_path(path), self.mapping.limits)
        return self._texts.setdefault(text, text)


def _equal(value: object, constant: Constant) -> bool:
    return isinstance(value, bool) == isinstance(constant, bool) and value == constant


def _is_text(raw: Sequence[object]) -> bool:
    return all(value is None or type(value) is str for value in raw)


def no_value(routes: Routes) -> Fault:
    """The fault of a record that is meant for metrics and holds a value of none."""
    paths = " or ".join(dict.fromkeys(show_path(route.metric.value) for route in routes))
    return Fault("bad_shape", f"{paths}: expected a number, got no such member")
