"""A run as JSON: what the table shows, by name, for `compare` and for the suite."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.quality.figures import Figures
from benchmarks.referee_grid import GridFigures
from detector.errors import DataError

FORMAT = 1
Metrics = dict[str, float | None]  # None: could not be counted


@dataclass(frozen=True, slots=True)
class Record:
    """One run: the set's name, what was promised, and the metrics of each method. `missing`: why a method has none."""

    name: str
    command: str
    budget: float
    methods: dict[str, Metrics]
    missing: dict[str, str] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)  # method → class of the worst realised ÷ promised

    def as_json(self) -> dict[str, object]:
        return {
            "format": FORMAT,
            "name": self.name,
            "command": self.command,
            "budget": self.budget,
            "methods": self.methods,
            "missing": self.missing,
            "classes": self.classes,
        }


def metrics(figures: Figures, points: int, seconds: float) -> Metrics:
    """Every figure of one method by name; delays in ticks, rates per week as promised."""
    own = figures.own
    out: dict[str, float] = {
        "recall": own.recall,
        "precision": own.precision,
        "false_per_week": figures.realised,
        "realised_over_promised": figures.realised / figures.promised if figures.promised else math.nan,
        "duplicates_per_found": own.duplicates_per_found,
        "delay_median": own.delay_median,
        "delay_p90": own.delay_p90,
        "held": figures.held,
        "sweep_precision": figures.sweep_precision,
        "k7_f1": figures.kpi_f1[0],
        "k7_f1_own": figures.kpi_f1[1],
        "worst_class": figures.worst_class[1] if figures.worst_class else math.nan,
        "points": points,
        "seconds": round(seconds, 1),
    }
    if isinstance(own, GridFigures):
        out |= {"recall_quiet": own.recall_quiet, "recall_in_events": own.recall_in_events}
    out |= {f"pages@{limit:g}": value for limit, value in figures.pages_at.items()}
    out |= {f"sweep@{limit:g}": value for limit, value in figures.sweep_at.items()}
    out |= {f"false {name}": value for name, value in figures.situations.items()}
    return plain_numbers(out)


def plain_numbers(values: Mapping[str, float]) -> Metrics:
    """NaN becomes None; numbers are rounded to what a table needs."""
    return {name: None if math.isnan(value) else round(float(value), 5) for name, value in values.items()}


def write(file: Path, records: list[Record]) -> None:
    """One record as an object, several as a list of them."""
    out: object = records[0].as_json() if len(records) == 1 else [record.as_json() for record in records]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(out, indent=1, sort_keys=False) + "\n", encoding="utf-8")


def read(file: Path) -> list[Record]:
    """The records of a file; raises DataError where it is not of this format."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{file}: expected JSON of benchmarks.quality --json: {error}") from error
    entries = found if isinstance(found, list) else [found]
    out = []
    for entry in entries:
        version = entry.get("format") if isinstance(entry, dict) else None
        if version != FORMAT:
            raise DataError(f"{file}: expected format {FORMAT} of benchmarks.quality --json, found {version!r}")
        try:
            out.append(
                Record(
                    entry["name"], entry["command"], entry["budget"], entry["methods"], entry["missing"],
                    entry["classes"],
                )
            )  # fmt: skip
        except KeyError as error:
            raise DataError(f"{file}: expected {error} in every record") from error
    return out
