"""Where in a record its time, values and labels stand: one frozen value for JSON, CSV and Parquet alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from detector.errors import ConfigError

Path = tuple[str, ...]
Layout = Literal["single", "batch", "columnar"]
TimeUnit = Literal["s", "ms", "us", "ns", "rfc3339"]
Constant = str | int | float | bool

ROOT = "$"  # first element of a path that starts at the message and not at the sample


@dataclass(frozen=True, slots=True)
class TimeField:
    """The event time: an epoch number of the given unit, or text.

    `assume_utc` reads text without a zone as UTC; without it such text is refused.
    """

    path: Path = ("ts",)
    unit: TimeUnit = "ms"
    assume_utc: bool = False


@dataclass(frozen=True, slots=True)
class MetricMapping:
    """How one metric is read: it takes a sample from every record where all of `where` hold and `value` is present.

    `name_path` takes the metric's name from the record instead of from `name`. `text_numbers` accepts `"1.5"` as a
    number. `minimum` refuses smaller values (0 for counts). `dimensions` are those which the metric has (None: all);
    the columns of the others stay "".
    """

    name: str = "value"
    where: tuple[tuple[Path, Constant], ...] = ()
    value: Path = ("value",)
    text_numbers: bool = False
    minimum: float | None = None
    dimensions: tuple[str, ...] | None = None
    name_path: Path | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What one message may be at most; beyond it, it is refused and not half-applied."""

    max_message_bytes: int = 1024 * 1024
    max_samples: int = 10_000
    max_labels: int = 64
    max_label_bytes: int = 256
    max_depth: int = 16
    min_time_ms: int = 946_684_800_000  # 2000-01-01
    max_time_ms: int = 4_102_444_800_000  # 2100-01-01, excluded


@dataclass(frozen=True, slots=True)
class RecordMapping:
    """One record to samples.

    `layout`: `single` (a record is a sample), `batch` (a list of samples at `samples`), `columnar` (an object of
    equally long lists at `samples`; a scalar there holds for all). Paths start at the sample; one that begins with `$`
    starts at the message. A step of digits is a position where the value is a list. `columns` are
    (name of the key column, path) in the order of `Schema.key_columns[1:]`.
    """

    layout: Layout = "single"
    samples: Path = ()
    timestamp: TimeField = field(default_factory=TimeField)
    metrics: tuple[MetricMapping, ...] = (MetricMapping(),)
    columns: tuple[tuple[str, Path], ...] = (
        ("device", ("device",)),
        ("region", ("region",)),
        ("activity", ("activity",)),
    )
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not self.metrics:
            raise ConfigError("metrics: expected at least one metric, got none")
        if len(self.columns) > self.limits.max_labels:
            raise ConfigError(f"dimensions: expected at most {self.limits.max_labels} labels, got {len(self.columns)}")
        if self.layout == "single" and self.samples:
            raise ConfigError("source.format.samples: only the layouts batch and columnar have a list of samples")
        for path in self.paths():
            if not path or not all(path):
                raise ConfigError("source.format: expected a path such as dims.region, got an empty one")
            if len(path) > self.limits.max_depth:
                raise ConfigError(f"source.format: path {show_path(path)} is deeper than {self.limits.max_depth}")

    def paths(self) -> tuple[Path, ...]:
        """Every path that is read, each once, in a fixed order."""
        found = [self.timestamp.path, *(path for _, path in self.columns)]
        for metric in self.metrics:
            found += [
                metric.value,
                *(path for path, _ in metric.where),
                *([metric.name_path] if metric.name_path else []),
            ]
        return tuple(dict.fromkeys(found))


def parse_path(text: str) -> Path:
    r"""Steps of a dotted path; `\.` is a dot inside a name.

    >>> parse_path("dims.device_type")
    ('dims', 'device_type')
    >>> parse_path(r"labels.k8s\.io/zone")
    ('labels', 'k8s.io/zone')
    """
    steps = [""]
    characters = iter(text)
    for character in characters:
        if character == "\\":
            steps[-1] += next(characters, "\\")
        elif character == ".":
            steps.append("")
        else:
            steps[-1] += character
    if not all(steps):
        raise ConfigError(f"path {text!r}: expected names with single dots between them, such as dims.region")
    return tuple(steps)


def show_path(path: Path) -> str:
    """The dotted form of a path, for messages."""
    return ".".join(step.replace("\\", "\\\\").replace(".", "\\.") for step in path) or "(whole message)"
