"""The figures of a backtest, each by the one name that table, JSON and `--fail-on` use."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ensemble.budget import Per
from tocsin.report.labels import agree
from tocsin.report.matching import Judged, JudgedIncident, JudgedPage, clean_ms
from tocsin.spans_judged import Unit

WEEK_MS = 604_800_000
SITUATIONS = ("quiet", "anticipated", "low_impact", "high_impact", "no_data", "calendar")

MEANING: Mapping[str, str] = {
    "series": "series (entities) that were judged",
    "series_weeks": "judged time of all series, in weeks",
    "pages": "alarms that people would have been told",
    "pages_per_series_week": "the same per judged week and series",
    "held": "candidates that were held back and never told",
    "incidents": "labelled incidents that could be found",
    "found": "of them, those with a page",
    "missed": "of them, those with neither page nor held candidate",
    "held_only": "of them, those of which people would not have been told, because it was held",
    "recall": "found ÷ incidents",
    "precision": "found ÷ (found + false pages)",
    "false_pages": "pages outside every incident",
    "false_pages_per_series_week": "the same per week and series, time inside incidents left out",
    "false_pages_per_week": "the same per week, for all series together",
    "duplicates": "pages of an incident that had a page already",
    "duplicates_per_found": "the same per incident found",
    "delay_median": "ticks from the start of an incident to its first page, median of those found",
    "delay_p90": "the same, nine of ten",
    "delay_median_s": "median in seconds",
    "delay_p90_s": "nine of ten in seconds",
    "promised": "the alarm budget, in its own unit",
    "realised": "false pages (without labels: pages) in the unit of the budget",
    "realised_per_promised": "realised ÷ promised",
}
NEEDS_LABELS = frozenset(
    {"incidents", "found", "missed", "held_only", "recall", "precision", "false_pages", "false_pages_per_series_week",
     "false_pages_per_week", "duplicates", "duplicates_per_found", "delay_median", "delay_p90", "delay_median_s",
     "delay_p90_s"}
)  # fmt: skip
BY_SITUATION = ("incidents", "found", "held_only", "recall", "pages", "held", "false_pages")


@dataclass(frozen=True, slots=True)
class SituationFigures:
    """Recall and false pages while something of this kind was going on."""

    name: str
    incidents: int
    found: int
    held_only: int
    pages: int
    false: int
    held: int


@dataclass(frozen=True, slots=True)
class SeriesFigures:
    """One unit. Pages of cuboids wider than it count for none."""

    name: str
    weeks: float
    incidents: int
    found: int
    pages: int
    false: int
    held: int


@dataclass(frozen=True, slots=True)
class Figures:
    """`values` by the names of `MEANING`, and `recall_quiet` and the like; NaN: nothing to count."""

    values: Mapping[str, float]
    situations: tuple[SituationFigures, ...]
    series: tuple[SeriesFigures, ...]
    held_by: Mapping[str, int]  # reason → candidates
    per: Per


def measure(judged: Judged, rate: float, per: Per) -> Figures:
    """All figures of one backtest under a budget of `rate` per `per`."""
    incidents = [i for i in judged.incidents if i.fate != "not_scored"]
    verdicts = Counter(page.verdict for page in judged.pages)
    fates = Counter(incident.fate for incident in incidents)
    units = judged.units
    span = max((u.last_ms for u in units), default=0) - min((u.first_ms for u in units), default=0)
    weeks = sum(u.last_ms - u.first_ms for u in units) / WEEK_MS
    clean = judged.clean_ms / WEEK_MS
    told = verdicts["found"] + verdicts["duplicate"] + verdicts["false"] + verdicts["told"]
    counted = verdicts["false"] if judged.has_labels else told
    realised = _per(counted, per, clean, span / WEEK_MS)
    delays = [(i.delay_ticks, i.delay_ms) for i in incidents if i.delay_ticks is not None and i.delay_ms is not None]
    ticks, times = np.array([d for d, _ in delays], float), np.array([d for _, d in delays], float) / 1000
    values: dict[str, float] = {
        "series": len(units), "series_weeks": weeks, "pages": told,
        "pages_per_series_week": _ratio(told, weeks), "held": verdicts["held"],
        "promised": rate, "realised": realised, "realised_per_promised": _ratio(realised, rate),
    }  # fmt: skip
    situations = tuple(_situation(name, judged.pages, incidents) for name in SITUATIONS)
    if judged.has_labels:
        values |= {
            "incidents": len(incidents), "found": fates["found"], "missed": fates["missed"],
            "held_only": fates["held_only"], "recall": _ratio(fates["found"], len(incidents)),
            "precision": _ratio(fates["found"], fates["found"] + verdicts["false"]),
            "false_pages": verdicts["false"], "false_pages_per_series_week": _ratio(verdicts["false"], clean),
            "false_pages_per_week": _ratio(verdicts["false"], span / WEEK_MS),
            "duplicates": verdicts["duplicate"],
            "duplicates_per_found": verdicts["duplicate"] / max(fates["found"], 1),
            "delay_median": _quantile(ticks, 0.5), "delay_p90": _quantile(ticks, 0.9),
            "delay_median_s": _quantile(times, 0.5), "delay_p90_s": _quantile(times, 0.9),
        }  # fmt: skip
    for s in situations:
        values |= {f"pages_{s.name}": s.pages, f"held_{s.name}": s.held}
        if judged.has_labels:
            values |= {
                f"incidents_{s.name}": s.incidents, f"found_{s.name}": s.found, f"held_only_{s.name}": s.held_only,
                f"recall_{s.name}": _ratio(s.found, s.incidents), f"false_pages_{s.name}": s.false,
            }  # fmt: skip
    seen = tuple(s for s in situations if s.incidents or s.pages or s.held)
    held_by = Counter(page.page.reason for page in judged.pages if page.verdict == "held")
    return Figures(values, seen, tuple(_series(judged, incidents)), dict(sorted(held_by.items())), per)


def names() -> tuple[str, ...]:
    """Every figure that a goal may name."""
    return (*MEANING, *(f"{name}_{situation}" for name in BY_SITUATION for situation in SITUATIONS))


def needs_labels(name: str) -> bool:
    """Is this figure known only where incidents are labelled?"""
    bare = next((n for s in SITUATIONS if (n := name.removesuffix(f"_{s}")) != name and n in BY_SITUATION), name)
    return bare in NEEDS_LABELS


def series_name(labels: Mapping[str, str], units: Sequence[Unit]) -> str:
    """Values of the labels; the metric is left out where there is only one and the labels say more."""
    metrics = {unit.labels.get("metric") for unit in units}
    shown = {k: v for k, v in labels.items() if k != "metric" or len(metrics) > 1 or len(labels) == 1}
    return " | ".join(value for value in shown.values() if value != "*") or "all"


def _per(count: int, per: Per, series_weeks: float, weeks: float) -> float:
    """Pages in the unit of the budget."""
    if per == "service-week":
        return _ratio(count, weeks)
    return _ratio(count, series_weeks) * (1000 if per == "1000-series-week" else 1)


def _situation(name: str, pages: Sequence[JudgedPage], incidents: Sequence[JudgedIncident]) -> SituationFigures:
    mine = Counter(page.verdict for page in pages if page.situation == name)
    fates = Counter(i.fate for i in incidents if i.situation == name)
    told = mine.total() - mine["held"]
    return SituationFigures(
        name, fates.total(), fates["found"], fates["held_only"], told, mine["false"], mine["held"]
    )  # fmt: skip


def _series(judged: Judged, incidents: Sequence[JudgedIncident]) -> list[SeriesFigures]:
    pages: dict[frozenset[tuple[str, str]], Counter[str]] = {}
    for page in judged.pages:
        for labels in (page.labels.items(), page.page.present.items()):  # the second for entities of several metrics
            pages.setdefault(frozenset(labels), Counter())[page.verdict] += 1
    out = []
    for unit in judged.units:
        told = pages.get(frozenset(unit.labels.items()), Counter())
        mine = [i for i in incidents if agree(unit.labels, i.incident.labels)]
        out.append(
            SeriesFigures(
                series_name(unit.labels, judged.units), clean_ms(unit, [i.incident for i in mine]) / WEEK_MS,
                len(mine), sum(i.fate == "found" for i in mine), told.total() - told["held"], told["false"],
                told["held"],
            )
        )  # fmt: skip
    return out


def _ratio(count: float, of: float) -> float:
    return count / of if of > 0 else math.nan


def _quantile(values: np.ndarray[tuple[int], np.dtype[np.float64]], q: float) -> float:
    return float(np.quantile(values, q)) if values.size else math.nan
