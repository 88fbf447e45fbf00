"""What the operator declared: dimensions with parents, metrics with roles, who may testify for whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

ALL = "*"  # the label value of a roll-up over a whole dimension
MINUTE_MS = 60_000

Role = Literal["watched", "witness"]
Kind = Literal["count", "ratio", "gauge", "counter", "auto"]
Aggregate = Literal["sum", "mean", "min", "max", "last"]
Missing = Literal["gap", "zero"]
Severity = Literal["info", "warning", "critical"]
Sensitivity = Literal["low", "normal", "high"]


@dataclass(frozen=True, slots=True)
class Parent:
    """A coarser level of a dimension (family of a device, continent of a region).

    `patterns` maps parent value to shell patterns of child values (first match in sorted order of parents wins);
    None: the parent's value arrives with every sample, as an extra column of its key (`Schema.key_columns`).
    """

    name: str
    patterns: Mapping[str, tuple[str, ...]] | None = None

    def of(self, child: str) -> str | None:
        """The parent of `child`, or None where no pattern matches."""
        for parent in sorted(self.patterns or {}):
            if any(fnmatchcase(child, pattern) for pattern in (self.patterns or {})[parent]):
                return parent
        return None


@dataclass(frozen=True, slots=True)
class Dimension:
    """One axis of the cube; `values` is the declared product (empty: discovered from the samples).

    `peers=False`: values are unlike each other (servers, unrelated measurements): nothing is summed over them and they
    are no siblings.
    """

    name: str
    parents: tuple[Parent, ...] = ()
    values: tuple[str, ...] = ()
    peers: bool = True


@dataclass(frozen=True, slots=True)
class Metric:
    """One measured quantity; `dimensions` are those it has (None: all of the schema)."""

    name: str
    role: Role = "watched"
    stack: str = ""
    kind: Kind = "auto"
    aggregate: Aggregate = "sum"
    missing: Missing = "gap"
    denominator: str | None = None
    unit: str = ""
    severity: Severity | None = None
    interval_ms: int | None = None
    dimensions: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Independence:
    """Says that metrics of stack `witness` may testify for metrics of stack `watched` where `match` labels agree."""

    watched: str
    witness: str
    match: tuple[str, ...] = ("region",)


@dataclass(frozen=True, slots=True)
class Group:
    """Rows chosen by label patterns, and what is special about them."""

    match: Mapping[str, tuple[str, ...]]
    ignore: bool = False
    severity: Severity | None = None
    sensitivity: Sensitivity = "normal"


@dataclass(frozen=True, slots=True)
class Schema:
    """Everything that gives samples their meaning; times are milliseconds."""

    dimensions: tuple[Dimension, ...] = (Dimension("device"), Dimension("region"), Dimension("activity"))
    metrics: tuple[Metric, ...] = (Metric("value"),)
    place: str | None = "region"
    independence: tuple[Independence, ...] = ()
    interval_ms: int = MINUTE_MS
    lateness_ms: int = 2 * MINUTE_MS
    max_series: int = 200_000
    groups: tuple[Group, ...] = field(default=())

    @property
    def dimension_names(self) -> tuple[str, ...]:
        return tuple(d.name for d in self.dimensions)

    @property
    def is_lone(self) -> bool:
        """No series has siblings or a declared witness: each is judged by its own past alone."""
        stacks = {i.witness for i in self.independence}
        has_witness = any(m.role == "witness" and m.stack in stacks for m in self.metrics)
        return not has_witness and not any(d.peers for d in self.dimensions)

    @property
    def key_columns(self) -> tuple[str, ...]:
        """Names of the columns of a sample's key: metric, the dimensions, then parents that arrive with the sample."""
        arriving = [f"{d.name}.{p.name}" for d in self.dimensions for p in d.parents if p.patterns is None]
        return ("metric", *self.dimension_names, *arriving)

    def metric(self, name: str) -> Metric:
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise KeyError(name)
