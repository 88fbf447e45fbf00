"""CSV files without a configuration: what they hold decides the configuration, one for each interval that occurs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.mapping import MetricMapping, RecordMapping, TimeField
from connectors.source import Source
from connectors.sources.file import FileSettings, FileSource
from detector.errors import DataError
from detector.frame import Batch, Key
from tocsin.config.config import Config
from tocsin.config.duration import format_duration
from tocsin.config.load import parse_config
from tocsin.listing import yaml_text
from tocsin.plain_columns import SERIES_COLUMNS, Columns, ColumnWishes, find_columns

SECOND_MS, WEEK_MS = 1_000, 604_800_000
MOST_WARMUP_MS, WARMUP_SHARE = 14 * 86_400_000, 0.15  # of the time that the series cover
BUDGET = {"rate": 0.25, "per": "series-week"}  # a few series that somebody looks at; many want the default of `run`
FILE = "found in the columns"


@dataclass(frozen=True, slots=True)
class Plan:
    """One run: the series of one interval. `keep` says which they are; `last_ms` is their last sample."""

    config: Config
    keep: Callable[[Key], bool]
    last_ms: int


@dataclass(frozen=True, slots=True)
class Plain:
    """What the files hold."""

    columns: Columns
    plans: tuple[Plan, ...]


@dataclass(frozen=True, slots=True)
class _Series:
    first_ms: int
    last_ms: int
    step_ms: int | None  # its most frequent step


def plain(paths: Sequence[Path], wishes: ColumnWishes, series: Sequence[str] = ()) -> Plain:
    """Reads the files once to find series and intervals. `series`: shell patterns of those that are wanted.

    Warm-up is 14 d or 15 % of the time that the series cover, whichever is less.
    """
    columns = find_columns(paths[0], wishes)
    source = FileSource(FileSettings(tuple(paths)), _mapping(columns))
    found = _scan(source)
    names = list(found)
    chosen = [key for key in names if is_chosen(key, series)]
    if not chosen:
        if not names:
            raise DataError(f"{paths[0].name}: expected samples, found none; first refusal: {_refusal(source)}")
        raise DataError(f"--series {', '.join(series)}: no series matches{_near(series, names)}")
    steps: dict[int, list[Key]] = {}
    typical = _typical([found[key].step_ms for key in chosen])
    for key in chosen:
        steps.setdefault(found[key].step_ms or typical, []).append(key)
    plans = []
    for step, keys in sorted(steps.items()):
        span = max(found[key].last_ms for key in keys) - min(found[key].first_ms for key in keys)
        config = _config(paths, columns, keys, step, span)
        plans.append(Plan(config, frozenset(keys).__contains__, max(found[key].last_ms for key in keys)))
    return Plain(columns, tuple(plans))


def is_chosen(key: Key, patterns: Sequence[str]) -> bool:
    """Is one of the labels, or the metric, exactly what a pattern says or matched by it? No pattern: everything."""
    return not patterns or any(label == p or fnmatchcase(label, p) for p in patterns for label in key if label)


class Selected:
    """A source of which some series are read; its files end when the last of those has."""

    def __init__(self, source: Source, keep: Callable[[Key], bool], closes_ms: int | None = None) -> None:
        self._source, self._keep, self._closes_ms = source, keep, closes_ms
        self._known: dict[Key, bool] = {}

    def open(self, positions: Mapping[str, int]) -> None:
        self._source.open(positions)

    def poll(self, timeout_s: float) -> list[Batch]:
        return [self._filtered(batch) for batch in self._source.poll(timeout_s)]

    def partitions(self) -> tuple[str, ...]:
        return self._source.partitions()

    def is_finished(self) -> bool:
        return self._source.is_finished()

    def lag(self) -> Mapping[str, tuple[int, int | None]]:
        return self._source.lag()

    def identity(self) -> str:
        return self._source.identity()

    def close(self) -> None:
        self._source.close()

    def _filtered(self, batch: Batch) -> Batch:
        for key in {key for key in batch.keys if key not in self._known}:
            self._known[key] = self._keep(key)
        mask = np.fromiter((self._known[key] for key in batch.keys), bool, len(batch.keys))
        closes = batch.closes_ms if batch.closes_ms is None or self._closes_ms is None else self._closes_ms
        keys = [key for key, is_mine in zip(batch.keys, mask.tolist(), strict=True) if is_mine]
        return replace(
            batch, keys=keys, time_ms=batch.time_ms[mask], value=batch.value[mask], record_ms=batch.record_ms[mask],
            closes_ms=closes,
        )  # fmt: skip


def dimension_name(column: str) -> str:
    """The name of the dimension that a column becomes."""
    if column in SERIES_COLUMNS:
        return "series" if column == "series_id" else column
    name = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in column)[:64]
    taken = ("metric", "job", "instance", "severity", "direction", "state", "reason", "alertname", "all")
    return f"the_{name}" if name in taken or not name[:1].isalpha() else name


def _mapping(columns: Columns) -> RecordMapping:
    name_path = (columns.metric,) if columns.metric is not None else None
    return RecordMapping(
        timestamp=TimeField((columns.time,), columns.unit, assume_utc=True),  # type: ignore[arg-type]
        metrics=tuple(MetricMapping(value, value=(value,), name_path=name_path) for value in columns.values),
        columns=tuple((dimension_name(column), (column,)) for column in columns.dimensions),
    )


def _scan(source: FileSource) -> dict[Key, _Series]:
    """First and last time and the step of every series, in sorted order."""
    codes: dict[Key, int] = {}
    code: list[NDArray[np.int32]] = [np.zeros(0, np.int32)]
    time: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    source.open({})
    while not source.is_finished():
        for batch in source.poll(0.0):
            code.append(np.array([codes.setdefault(key, len(codes)) for key in batch.keys], np.int32))
            time.append(batch.time_ms)
    source.close()
    of, t_ms = np.concatenate(code), np.concatenate(time)
    order = np.lexsort((t_ms, of))
    of, t_ms = of[order], t_ms[order]
    starts = np.searchsorted(of, np.arange(len(codes) + 1))
    spans = {key: t_ms[starts[c] : starts[c + 1]] for key, c in codes.items()}
    return {key: _Series(int(t[0]), int(t[-1]), _step(t)) for key, t in sorted(spans.items())}


def _step(t_ms: NDArray[np.int64]) -> int | None:
    """The most frequent distance of two samples in whole seconds, of equally frequent ones the shorter."""
    gaps = np.diff(t_ms)
    steps, counts = np.unique(gaps[gaps > 0], return_counts=True)
    if not steps.size:
        return None
    step = int(steps[np.argmax(counts)])
    return min(max(round(step / SECOND_MS) * SECOND_MS, SECOND_MS), WEEK_MS)


def _typical(steps: Sequence[int | None]) -> int:
    known = [step for step in steps if step is not None]
    return max(sorted(set(known)), key=known.count) if known else 60_000


def _config(paths: Sequence[Path], columns: Columns, keys: Sequence[Key], step_ms: int, span_ms: int) -> Config:
    warmup = max(min(MOST_WARMUP_MS, int(WARMUP_SHARE * span_ms)) // step_ms, 1) * step_ms
    document: dict[str, Any] = {
        "version": 1,
        "source": {
            "kind": "file",
            "file": {"paths": [str(path) for path in paths]},
            "format": {"timestamp": _timestamp(columns)},
        },
        "dimensions": dict(_dimensions(columns)),
        "metrics": dict(_metrics(columns, sorted({key[0] for key in keys}))),
        "interval": format_duration(step_ms),
        "warmup": format_duration(warmup),
        "alarm_budget": dict(BUDGET),
    }
    return parse_config(yaml_text(document), FILE, {}, folder=Path())


def _timestamp(columns: Columns) -> dict[str, Any]:
    shape: dict[str, Any] = {"path": _path(columns.time), "unit": columns.unit}
    return {**shape, "assume_utc": True} if columns.is_naive else shape


def _dimensions(columns: Columns) -> Iterator[tuple[str, dict[str, Any]]]:
    for column in columns.dimensions:
        peers = {} if columns.has_peers else {"peers": False}
        yield dimension_name(column), {"path": _path(column), **peers}


def _metrics(columns: Columns, names: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in names:
        if columns.metric is None:
            yield name, {"value": _path(name)}
        else:
            quote = "'" if '"' in name else '"'
            yield name, {"where": f"{_path(columns.metric)} == {quote}{name}{quote}", "value": _path(columns.values[0])}


def _path(column: str) -> str:
    return column.replace("\\", "\\\\").replace(".", "\\.")


def _refusal(source: FileSource) -> str:
    source.open({})
    try:
        return next((r.detail for batch in source.poll(0.0) for r in batch.rejected), "the files have no rows")
    finally:
        source.close()


def _near(series: Sequence[str], names: Sequence[Key]) -> str:
    labels = sorted({label for key in names for label in key if label})
    near = get_close_matches(series[0], labels, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; the first of {len(labels)} are {', '.join(labels[:3])}"
