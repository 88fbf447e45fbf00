"""The labels of alarms and rows at the edge: metric and the configured dimensions, `*` for all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detector.schema import ALL, Schema

RowKey = frozenset[tuple[str, str]]


def alarm_labels(schema: Schema, metric: str, cuboid: Mapping[str, Any]) -> dict[str, str]:
    """Labels of a cuboid of a metric, in the schema's order; a parent is `device="*", device_family="phone"`.

    A dimension that the metric does not have is left out; one that the cuboid leaves open is `*`.
    """
    known = {m.name: m.dimensions for m in schema.metrics}
    dimensions = known.get(metric)
    names = schema.dimension_names if dimensions is None else dimensions
    labels = {"metric": metric} | {name: str(cuboid.get(name, ALL)) for name in names}
    for name in sorted(cuboid):
        if name != "metric" and name not in labels:
            labels[name.replace(".", "_")] = str(cuboid[name])
    return labels


def labels_of(schema: Schema, body: Mapping[str, Any], which: str = "first") -> dict[str, str]:
    """Labels of an alarm's first (its identity) or present cuboid, out of its body."""
    series, cuboids = body.get("series"), body.get("cuboid")
    labels = dict(series) if isinstance(series, Mapping) else {}
    metric = str(labels.pop("metric", ""))
    cuboid = cuboids.get(which) if isinstance(cuboids, Mapping) else None
    return alarm_labels(schema, metric, cuboid if isinstance(cuboid, Mapping) else labels)


def row_key(labels: Mapping[str, str]) -> RowKey:
    """What identifies a row whatever way its labels spell "all": the labels that say something."""
    return frozenset((name.replace(".", "_"), value) for name, value in labels.items() if value != ALL)
