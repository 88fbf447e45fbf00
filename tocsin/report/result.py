"""The whole result as one value, as JSON and as lines for the terminal."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from suppression.calendar import Calendar
from tocsin.report.clock import Clock
from tocsin.report.compare import CHANGES, Earlier, Pair, as_json, counts
from tocsin.report.figures import MEANING, Figures
from tocsin.report.goals import Verdict
from tocsin.report.matching import Judged


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that is said about one backtest."""

    data: tuple[str, ...]
    clock: Clock
    calendar: Calendar
    judged: Judged
    figures: Figures
    goals: tuple[Verdict, ...]
    config: str  # effective, as YAML
    versions: Mapping[str, str]
    from_ms: int | None
    to_ms: int | None
    earlier: Earlier | None = None
    pairs: tuple[Pair, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_passed(self) -> bool:
        return all(verdict.is_met for verdict in self.goals)


def number(value: float | None) -> float | int | None:
    """A JSON number: whole where it is, six digits else, null for what cannot be counted."""
    if value is None or not math.isfinite(value):
        return None
    return int(value) if float(value).is_integer() else float(f"{value:.6g}")


def shown(value: float | None) -> str:
    """A figure for people."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.3g}" if abs(value) < 100 else f"{value:,.1f}"


def write_json(file: Path, result: Result) -> None:
    """All figures, incidents and pages; equal input gives equal bytes."""
    document: dict[str, Any] = {
        "data": list(result.data), "clock": result.clock.name, "passed": result.is_passed,
        "goals": [
            {"figure": v.goal.figure, "wanted": v.goal.text, "value": number(v.value), "met": v.is_met}
            for v in result.goals
        ],
        "figures": {name: number(value) for name, value in result.figures.values.items()},
        "budget_per": result.figures.per,
        "situations": [asdict(s) for s in result.figures.situations],
        "series": [{**asdict(s), "weeks": number(s.weeks)} for s in result.figures.series],
        "held_by": dict(result.figures.held_by),
        "incidents": [
            {
                "start_ms": i.incident.start_ms, "end_ms": i.incident.end_ms, "labels": dict(i.incident.labels),
                "kind": i.incident.kind, "situation": i.situation, "fate": i.fate, "delay_ms": i.delay_ms,
                "delay_ticks": number(i.delay_ticks),
            }
            for i in result.judged.incidents
        ],
        "pages": [
            {
                "alarm_id": p.page.alarm_id, "series": p.page.series_id, "cuboid": p.page.cuboid,
                "direction": p.page.direction, "open_ms": p.page.open_ms, "close_ms": p.page.close_ms,
                "told": not p.page.is_suppressed, "reason": p.page.reason, "verdict": p.verdict,
                "situation": p.situation, "summary": p.page.summary,
            }
            for p in result.judged.pages
        ],
        "compared_with": None if result.earlier is None else result.earlier.name,
        "changes": as_json(result.pairs), "versions": dict(result.versions), "config": result.config,
    }  # fmt: skip
    file.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def lines(result: Result) -> list[str]:
    """Figures, situations, goals and changes as lines of text."""
    values = result.figures.values
    out = ["", *_table([(name, shown(values[name]), text) for name, text in MEANING.items() if name in values])]
    out[-3:] = [line.replace("the budget", f"the budget ({result.figures.per})") for line in out[-3:]]
    if result.judged.has_labels and result.figures.situations:
        head = ("SITUATION", "INCIDENTS", "FOUND", "HELD ONLY", "PAGES", "FALSE", "HELD")
        rows = [(s.name, *map(str, (s.incidents, s.found, s.held_only, s.pages, s.false, s.held)))
                for s in result.figures.situations]  # fmt: skip
        out += ["", *_table([head, *rows])]
    if result.figures.held_by:
        out += ["", "held by " + ", ".join(f"{reason} {n}" for reason, n in result.figures.held_by.items())]
    if result.earlier is not None:
        found = counts(result.pairs)
        out += [
            "",
            f"against {result.earlier.name}: " + ", ".join(f"{n} {c.replace('_', ' ')}" for c, n in found.items()),
        ]
        for p in result.pairs:
            one = p.now or p.before
            if p.change != "same" and one is not None:
                out.append(f"  {p.change.replace('_', ' '):9} {result.clock.text(one.open_ms)}  {one.series}  "
                           f"{one.direction} ({CHANGES[p.change]})")  # fmt: skip
    out += [f"note: {note}" for note in result.notes]
    if result.goals:
        out.append("")
        out += [f"{'PASS' if v.is_met else 'FAIL'}  {v.goal.text}: {shown(v.value)}" for v in result.goals]
    return ["".join(c if c.isprintable() else "�" for c in line) for line in out]


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
