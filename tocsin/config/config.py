"""Config: one checked configuration, and what the other parts need of it."""

from __future__ import annotations

import glob
import hashlib
import json
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.mapping import MetricMapping, RecordMapping, TimeField, parse_path
from detector.schema import Dimension, Group, Independence, Metric, Parent, Schema
from tocsin.config.faults import Fault
from tocsin.config.models import ConfigModel
from tocsin.config.series_models import BudgetModel, MetricModel, ParentModel
from tocsin.config.source_models import SourceModel


@dataclass(frozen=True)
class Config:
    """A configuration that passed every check. Durations are milliseconds; its paths are relative to `folder`."""

    model: ConfigModel
    folder: Path = field(default_factory=Path)
    file: str = ""
    warnings: tuple[Fault, ...] = ()

    @property
    def source(self) -> SourceModel:
        assert self.model.source is not None, "loaded without a source"
        return self.model.source

    @property
    def alarm_budget(self) -> BudgetModel:
        return self.model.alarm_budget

    @property
    def node_id(self) -> str:
        """`node.id`, by default the name of this machine."""
        return self.model.node.id or socket.gethostname()

    @property
    def data_dir(self) -> Path:
        return self.folder / self.model.node.data_dir

    @property
    def place(self) -> str | None:
        """The dimension of partitions and witnesses; by default region, if there is such a dimension."""
        if self.model.place is None:
            return "region" if "region" in self.model.dimensions else None
        return self.model.place

    @property
    def database_url(self) -> str:
        return self.model.outputs.database.url or f"sqlite:///{self.data_dir.absolute()}/tocsin.db"

    @property
    def silences_file(self) -> Path | None:
        file = self.model.suppression.silences.file
        return None if file is None else self.folder / file

    def calendar_files(self) -> tuple[Path, ...]:
        """Calendar files that are there now, sorted; a name without a pattern is listed even if it is missing."""
        found: set[Path] = set()
        for text in self.model.suppression.calendar.files:
            whole = str(self.folder / text)
            found |= {Path(name) for name in glob.glob(whole)} if glob.has_magic(whole) else {Path(whole)}
        return tuple(sorted(found))

    def schema(self) -> Schema:
        """What gives samples their meaning."""
        model = self.model
        place = self.place
        return Schema(
            dimensions=tuple(
                Dimension(name, tuple(_parent(parent, p) for parent, p in d.parents.items()), d.values, d.peers)
                for name, d in model.dimensions.items()
            ),
            metrics=tuple(self._metric(name, metric) for name, metric in model.metrics.items()),
            place=place,
            independence=tuple(
                Independence(i.watched, i.witness, ((place,) if place else ()) if i.match is None else i.match)
                for i in model.independence
            ),
            interval_ms=model.interval,
            lateness_ms=model.allowed_lateness,
            max_series=model.max_series,
            groups=tuple(Group(g.match, g.ignore, g.severity, g.sensitivity) for g in model.groups),
        )

    def mapping(self) -> RecordMapping:
        """Where in a record time, values and labels stand."""
        shape = self.source.format
        columns = [(name, d.path or name) for name, d in self.model.dimensions.items()]
        columns += [
            (f"{name}.{parent}", p.path)
            for name, d in self.model.dimensions.items()
            for parent, p in d.parents.items()
            if p.path is not None
        ]
        return RecordMapping(
            layout=shape.layout,
            samples=parse_path(shape.samples) if shape.samples else (),
            timestamp=TimeField(parse_path(shape.timestamp.path), shape.timestamp.unit, shape.timestamp.assume_utc),
            metrics=tuple(_metric_mapping(name, metric) for name, metric in self.model.metrics.items()),
            columns=tuple((name, parse_path(path)) for name, path in columns),
        )

    def fingerprint(self) -> str:
        """Hash of the effective configuration; secrets are no part of it."""
        return hashlib.sha256(json.dumps(self.effective(), sort_keys=True).encode()).hexdigest()

    def effective(self) -> dict[str, Any]:
        """All keys with their values or defaults; secrets are masked."""
        shown = self.model.model_dump(mode="json", exclude_none=False)
        shown["place"] = self.place
        shown["outputs"]["database"]["url"] = _without_password(self.database_url)
        return shown

    def given(self) -> dict[str, Any]:
        """What the file and the environment set, without defaults; secrets are masked."""
        return self.model.model_dump(mode="json", exclude_unset=True)

    def _metric(self, name: str, metric: MetricModel) -> Metric:
        return Metric(
            name=name,
            role=metric.role,
            stack=metric.stack,
            kind=metric.kind,
            aggregate=metric.aggregate,
            missing=metric.missing or self.model.missing,
            denominator=metric.denominator,
            unit=metric.unit,
            severity=metric.severity,
            interval_ms=metric.interval,
            dimensions=metric.dimensions,
        )


def _parent(name: str, parent: ParentModel) -> Parent:
    return Parent(name, None if parent.map is None else dict(parent.map))


def _metric_mapping(name: str, metric: MetricModel) -> MetricMapping:
    is_count = metric.kind in ("count", "counter")
    return MetricMapping(
        name=name,
        where=tuple((parse_path(path), value) for path, value in metric.where),
        value=parse_path(metric.value.path),
        text_numbers=metric.value.text,
        minimum=0.0 if metric.minimum is None and is_count else metric.minimum,
        dimensions=metric.dimensions,
    )


def _without_password(url: str) -> str:
    from urllib.parse import urlsplit, urlunsplit

    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc="***@" + parts.netloc.rpartition("@")[2], query=""))
