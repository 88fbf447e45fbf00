"""What really happened, read only after a method has spoken: labelled incidents and special events."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from benchmarks.quality.clock import Clock, clock_of
from benchmarks.quality.dataset import Dataset
from benchmarks.referee import Interval
from benchmarks.referee_grid import GridTruth
from detector.errors import DataError

NOT_INCIDENTS = ("point", "anticipated", "unanticipated_low", "no_data")


@dataclass(frozen=True, slots=True)
class Truth:
    """Incidents by unit, and special events (start, end, kind) of a single set; milliseconds of the set's clock.

    `windows`: the incidents are windows around a moment, as of the Numenta Anomaly Benchmark.
    """

    incidents: dict[str, list[Interval]]
    events: tuple[tuple[int, int, str], ...] = ()
    windows: bool = False


def read_truth(dataset: Dataset) -> Truth | None:
    """Labelled incidents of a long, single or wide set from `labels.csv`; None where there is none."""
    file = dataset.path / "labels.csv"
    if not file.is_file():
        return None
    clock = dataset.panels[0].clock
    incidents: dict[str, list[Interval]] = {}
    events: list[tuple[int, int, str]] = []
    windows = False
    for number, row in enumerate(_rows(file), start=2):
        if not row.get("start") or not row.get("end"):
            raise DataError(f"{file}:{number}: expected start and end, found {row}")
        kind = row.get("kind") or "incident"
        name = row.get("series_id") or dataset.panels[0].units[0].name
        span = _ms(row["start"], clock, file), _ms(row["end"], clock, file)
        if kind.startswith(("unanticipated", "anticipated", "no_data")):
            events.append((*span, kind))
        if kind not in NOT_INCIDENTS:
            incidents.setdefault(name, []).append(span)
            windows |= kind == "window"
    for spans in incidents.values():
        spans.sort()
    return Truth(incidents, tuple(events), windows)


def read_grid_truth(dataset: Dataset) -> GridTruth | None:
    """Incidents and special events of a grid; None where there is no `incidents.csv`."""
    file, special = dataset.path / "incidents.csv", dataset.path / "special_events.csv"
    if not file.is_file():
        return None
    clock = dataset.panels[0].clock
    rows = _rows(file)
    kinds = _rows(special) if special.is_file() else []
    return GridTruth(
        incidents=tuple((_ms(row["start"], clock, file), _ms(row["end"], clock, file)) for row in rows),
        in_event=tuple(row.get("during_special_event") == "1" for row in rows),
        events=tuple((_ms(r["start"], clock, special), _ms(r["end"], clock, special), r["kind"]) for r in kinds),
    )


def read_causes(folder: Path) -> dict[str, list[frozenset[tuple[str, str]]]] | None:
    """The true cuboids of each case of a set of cells; None where `labels.csv` does not tell."""
    file = folder / "labels.csv"
    if not file.is_file():
        return None
    rows = _rows(file)
    if not rows or "cause" not in rows[0]:
        return None
    return {
        row["case"]: [frozenset((k, str(v)) for k, v in cuboid.items()) for cuboid in json.loads(row["cause"])]
        for row in rows
    }


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))


def _ms(text: str, clock: Clock, file: Path) -> int:
    """A label's time; labels may separate date and time otherwise than the data, or give a date alone."""
    own = clock if clock.form == "number" else clock_of(text, "start", 1000, file)
    return int(own.parse([text], file)[0])
