"""The files that the contract asks for: `pages.csv` and `scores.csv.gz`, in the set's own words."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.quality.cells import Blame
from benchmarks.quality.dataset import Dataset, Detection
from suppression.reasons import REASONS

PAGE_COLUMNS = ("series_id", "open", "close", "direction", "cuboid", "p", "suppressed", "reason")
SCORE_COLUMNS = ("series_id", "timestamp", "p")
_LEAST_P = 1e-300


def write_pages(file: Path, dataset: Dataset, detection: Detection) -> None:
    """One row a page in order of (time, series); `close` is empty for what was open at the end."""
    rows = []
    for page in detection.pages:
        panel = dataset.panels[page.panel]
        assert page.reason in ("", *REASONS), f"reason {page.reason!r} is not of the closed set"
        assert bool(page.reason) == page.suppressed, "a held page has a reason and no other has"
        opened = panel.time_texts(page.unit, np.array([page.open]))[0]
        closed = "" if page.close is None else panel.time_texts(page.unit, np.array([page.close]))[0]
        name = panel.units[page.unit].name
        row = (name, opened, closed, page.direction, page.cuboid, _number(page.p), int(page.suppressed), page.reason)
        rows.append(((int(panel.t_ms[page.open]), name), row))
    _write(file, PAGE_COLUMNS, [row for _, row in sorted(rows, key=lambda entry: entry[0])])


def write_scores(file: Path, dataset: Dataset, detection: Detection) -> None:
    """One row for each judged tick of a unit where the method has an opinion, in order of series and time."""
    with gzip.open(file, "wt", encoding="utf-8", newline="", compresslevel=3) as out:
        out.write(",".join(SCORE_COLUMNS) + "\n")
        for panel, p in zip(dataset.panels, detection.p, strict=True):
            for u, unit in enumerate(panel.units):
                ticks = np.arange(unit.score_from, unit.last + 1)
                ticks = ticks[np.isfinite(p[ticks, u])]
                name = _quoted(unit.name)
                texts = panel.time_texts(u, ticks)
                values = np.maximum(p[ticks, u], _LEAST_P).tolist()
                out.writelines([f"{name},{text},{value:.4g}\n" for text, value in zip(texts, values, strict=True)])


def write_blames(file: Path, blames: Sequence[Blame]) -> None:
    """Cells: one row a blamed cuboid, best first; p is the likelihood ratio after penalties, turned over."""
    rows = []
    for blame in blames:
        for root in blame.roots:
            p = float(np.exp(-max(root.score, 0.0)))
            case = blame.case
            rows.append((case.name, case.moment, "", root.direction, case.cuboid(root), _number(p), 0, ""))
    _write(file, PAGE_COLUMNS, rows)


def _write(file: Path, columns: Iterable[str], rows: Iterable[Sequence[object]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _number(p: float) -> str:
    return f"{max(p, _LEAST_P):.4g}"


def _quoted(name: str) -> str:
    """The name as one CSV field."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([name])
    return text.getvalue() if name else ""
