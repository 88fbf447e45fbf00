"""Which pages are right: each opening against the labelled incidents, by the rules of the quality benchmark.

Only the opening of a page counts. It is right if it falls into a labelled incident, both ends included, whose labels do
not contradict the page's; of several the first. Every later page of the same incident is a duplicate, neither right nor
false. Incidents that begin before any of their series was judged are not scored. A held candidate is matched alike, and
counts as nothing but held.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from suppression.calendar import Calendar
from tocsin.backtest import Backtest, Page
from tocsin.report.labels import Incident, Special, Truth, agree
from tocsin.spans_judged import Unit

Verdict = Literal["found", "duplicate", "false", "held", "told"]
Fate = Literal["found", "held_only", "missed", "not_scored"]
QUIET, CALENDAR = "quiet", "calendar"
ORDER = ("high_impact", "anticipated", "low_impact", "no_data")  # of special events, the first that was on counts


@dataclass(frozen=True, slots=True)
class JudgedPage:
    """A page and what became of it; `told`: without labels nobody knows. `incident` is an index."""

    page: Page
    verdict: Verdict
    incident: int | None
    situation: str
    event: str = ""  # title of the calendar event that was on

    @property
    def labels(self) -> Mapping[str, str]:
        return labels_of(self.page)


@dataclass(slots=True)
class JudgedIncident:
    """An incident and what became of it; `pages` are indices of all that opened in it, told or held."""

    incident: Incident
    situation: str
    fate: Fate = "missed"
    delay_ms: int | None = None  # from the tick in which it starts to its first page
    delay_ticks: float | None = None
    pages: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Judged:
    """The whole outcome; `has_labels` tells nothing found from nothing known."""

    pages: tuple[JudgedPage, ...]
    incidents: tuple[JudgedIncident, ...]
    units: tuple[Unit, ...]
    has_labels: bool
    clean_ms: int  # of all units, incidents left out
    elsewhere: int  # labelled incidents of series that were not judged


def judge(found: Backtest, pages: Sequence[Page], truth: Truth | None, calendar: Calendar, has_labels: bool) -> Judged:
    """Matches pages with incidents; without labels nobody knows which pages are right."""
    moments = _Moments(truth.specials if truth else (), calendar)
    incidents, elsewhere = _scored(found.units, truth, moments)
    starts = [_tick_of(i.incident.start_ms, found.units) for i in incidents]
    judged = []
    for number, page in enumerate(pages):
        labels = labels_of(page)
        match = next(
            (
                n for n, i in enumerate(incidents)
                if i.fate != "not_scored" and starts[n] <= page.open_ms <= i.incident.end_ms
                and agree(labels, i.incident.labels)
            ),
            None,
        )  # fmt: skip
        situation, event = moments.at(page.open_ms, page.open_ms, labels, page.interval_ms)
        judged.append(JudgedPage(page, _verdict(page, match, incidents, has_labels), match, situation, event))
        if match is not None:
            incident = incidents[match]
            incident.pages.append(number)
            if page.is_suppressed:
                incident.fate = "held_only" if incident.fate == "missed" else incident.fate
            elif incident.fate != "found":
                incident.fate = "found"
                incident.delay_ms = page.open_ms - starts[match]
                incident.delay_ticks = incident.delay_ms / max(page.interval_ms, 1)
    clean = sum(clean_ms(unit, [i.incident for i in incidents if i.fate != "not_scored"]) for unit in found.units)
    return Judged(tuple(judged), tuple(incidents), tuple(found.units), has_labels, clean, elsewhere)


def labels_of(page: Page) -> Mapping[str, str]:
    """Metric and present cuboid."""
    return {"metric": page.series.get("metric", "*"), **page.present}


def clean_ms(unit: Unit, incidents: Sequence[Incident]) -> int:
    """Judged time of a unit outside the incidents that may be its own."""
    mine = [i for i in incidents if unit.first_ms <= i.start_ms <= unit.last_ms and agree(unit.labels, i.labels)]
    return unit.last_ms - unit.first_ms - sum(min(i.end_ms, unit.last_ms) - i.start_ms for i in mine)


def _verdict(page: Page, match: int | None, incidents: Sequence[JudgedIncident], has_labels: bool) -> Verdict:
    if page.is_suppressed:
        return "held"
    if not has_labels:
        return "told"
    if match is None:
        return "false"
    return "duplicate" if incidents[match].fate == "found" else "found"


def _scored(units: Sequence[Unit], truth: Truth | None, moments: _Moments) -> tuple[list[JudgedIncident], int]:
    """Incidents of judged series, in order; how many were of others."""
    out, elsewhere = [], 0
    for incident in truth.incidents if truth else ():
        mine = [unit for unit in units if agree(unit.labels, incident.labels)]
        if not mine:
            elsewhere += 1
            continue
        situation, _ = moments.at(incident.start_ms, incident.end_ms, incident.labels, 0)
        judged = JudgedIncident(incident, situation)
        if not any(unit.first_ms < incident.start_ms + unit.interval_ms and incident.start_ms <= unit.last_ms
                   for unit in mine):  # fmt: skip
            judged.fate = "not_scored"
        out.append(judged)
    return out, elsewhere


def _tick_of(t_ms: int, units: Sequence[Unit]) -> int:
    interval = min((unit.interval_ms for unit in units), default=1)
    return t_ms - t_ms % interval


class _Moments:
    """What else was going on: special events of the labels, else events of the calendar."""

    def __init__(self, specials: Sequence[Special], calendar: Calendar) -> None:
        self._specials = {name: sorted((s for s in specials if s.situation == name), key=lambda s: s.end_ms)
                          for name in ORDER}  # fmt: skip
        self._ends = {name: [s.end_ms for s in mine] for name, mine in self._specials.items()}
        self._calendar = calendar

    def at(self, from_ms: int, to_ms: int, labels: Mapping[str, str], interval_ms: int) -> tuple[str, str]:
        """(situation, title of the calendar event) of a time, both ends included; events end with their last tick."""
        shown = {name.replace(".", "_"): value for name, value in labels.items()}
        on = [o for o in self._calendar.between(from_ms, to_ms + 1) if o.scope.is_everything or o.scope.matches(shown)]
        title = on[0].title if on else ""
        for name in ORDER:
            for special in self._specials[name][bisect_left(self._ends[name], from_ms - 2 * interval_ms) :]:
                is_on = special.start_ms - interval_ms <= to_ms and from_ms <= special.end_ms + 2 * interval_ms
                if is_on and agree(labels, special.labels):
                    return name, title
        return (CALENDAR if on else QUIET), title
