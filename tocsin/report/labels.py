"""What really happened, as people wrote it down: labelled incidents and special events, read from CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from detector.errors import DataError
from tocsin.config.document import read_text
from tocsin.report.clock import Clock

SITUATIONS: Mapping[str, str] = {
    "anticipated": "anticipated",
    "unanticipated_high": "high_impact",
    "high_impact": "high_impact",
    "unanticipated_low": "low_impact",
    "low_impact": "low_impact",
    "no_data": "no_data",
}
NO_INCIDENTS = ("anticipated", "unanticipated_low", "low_impact", "no_data", "point")
ALL = ("", "all", "*")


@dataclass(frozen=True, slots=True)
class Incident:
    """A labelled incident; both ends belong to it. `labels` without a name hold for every series."""

    start_ms: int
    end_ms: int
    labels: Mapping[str, str]  # `metric` and dimensions
    kind: str
    line: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Special:
    """A special event of a kind of `SITUATIONS`; it says what else was going on, and is no incident."""

    start_ms: int
    end_ms: int
    labels: Mapping[str, str]
    situation: str


@dataclass(frozen=True, slots=True)
class Truth:
    """Incidents by (start, line), and special events in the order of their files."""

    incidents: tuple[Incident, ...]
    specials: tuple[Special, ...]


def read_truth(
    labels: Sequence[Path], specials: Sequence[Path], clock: Clock, dimensions: Mapping[str, str],
    metrics: Sequence[str],
) -> Truth:  # fmt: skip
    """Reads files of `start,end[,kind][,name]` and any of `series_id`, `metric`, `cuboid` and names of dimensions.

    `dimensions` maps names and columns of the data to names of dimensions. A row of a kind that is no incident is a
    special event, of a kind that is both it is both; rows of `specials` are never incidents. DataError names file,
    line and value.
    """
    incidents: list[Incident] = []
    found: list[Special] = []
    for path, may_be_incident in [(p, True) for p in labels] + [(p, False) for p in specials]:
        for line, row in _rows(path):
            try:
                start, end = clock.read(row["start"]), clock.read(row["end"])
                if end < start:
                    raise ValueError(f"the end {row['end']} is before the start {row['start']}")
                where = _where(row, dimensions, metrics)
            except ValueError as error:
                raise DataError(f"{path}:{line}: {error}") from None
            kind = row.get("kind") or ("incident" if may_be_incident else "")
            if kind in SITUATIONS:
                found.append(Special(start, end, where, SITUATIONS[kind]))
            elif not may_be_incident:
                expected = ", ".join(SITUATIONS)
                raise DataError(f"{path}:{line}: kind: expected one of {expected}, got {kind!r}")
            if may_be_incident and kind not in NO_INCIDENTS:
                name = row.get("name") or row.get("note") or ""
                incidents.append(Incident(start, end, where, kind, line, name))
    incidents.sort(key=lambda i: (i.start_ms, i.line))
    return Truth(tuple(incidents), tuple(found))


def agree(labels: Mapping[str, str], others: Mapping[str, str]) -> bool:
    """Can both speak of the same series? A label that one of them lacks, or has as `*`, contradicts nothing.

    >>> agree({"region": "eu"}, {"region": "eu", "device": "tv"}), agree({"region": "eu"}, {"region": "us"})
    (True, False)
    """
    return all(others.get(name, "*") in (value, "*") for name, value in labels.items() if value != "*")


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    rows = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        if "start" not in header or "end" not in header:
            raise DataError(f"{path}:1: expected the columns start,end, got {','.join(header) or 'nothing'}")
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                raise DataError(f"{path}:{rows.line_num}: expected {len(header)} cells like the header, got {len(row)}")
            yield rows.line_num, {name: cell.strip() for name, cell in zip(header, row, strict=True)}
    except csv.Error as error:
        raise DataError(f"{path}:{rows.line_num}: not CSV: {error}") from None


def _where(row: Mapping[str, str], dimensions: Mapping[str, str], metrics: Sequence[str]) -> dict[str, str]:
    """Labels of a row: columns that are dimensions, `metric`, and `cuboid` (or `scope`) as `region=r1&device=tv`."""
    where = {name: row[column] for column, name in dimensions.items() if row.get(column, "") not in ALL}
    if row.get("metric", "") in metrics:
        where["metric"] = row["metric"]
    named = row.get("series_id", "")
    if named not in ALL and "series_id" not in dimensions:
        where |= _of_series(named, dimensions, metrics)
    text = row.get("cuboid") or row.get("scope") or ""
    for piece in text.split("&") if text not in ALL else ():
        key, equals, value = (part.strip() for part in piece.partition("="))
        if not equals or not value or key not in {*dimensions, "metric"}:
            known = ", ".join(dict.fromkeys([*dimensions.values(), "metric"]))
            raise ValueError(f"cuboid: expected all or pairs such as region=r1&device=tv of {known}, got {text!r}")
        where[dimensions.get(key, key)] = value
    return where


def _of_series(named: str, dimensions: Mapping[str, str], metrics: Sequence[str]) -> dict[str, str]:
    """A `series_id` where no column of the data has this name: the one dimension there is, else the metric."""
    names = list(dict.fromkeys(dimensions.values()))
    if len(names) == 1:
        return {names[0]: named}
    if not names and (named in metrics or len(metrics) > 1):
        return {"metric": named}
    if not names:
        return {}
    raise ValueError(f"series_id {named!r}: the data has the dimensions {', '.join(names)}; expected them as columns")
