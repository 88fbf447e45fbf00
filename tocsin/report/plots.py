"""What is drawn: a window around every missed incident, false page, found incident and held candidate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from suppression.calendar import Calendar
from tocsin.report.clock import Clock
from tocsin.report.figures import series_name
from tocsin.report.labels import agree
from tocsin.report.matching import Judged, JudgedIncident, JudgedPage
from tocsin.report.trace import Trace, Window
from tocsin.web import words

Kind = Literal["missed", "held_only", "false", "found", "told", "held"]
KINDS: Mapping[Kind, str] = {
    "missed": "Missed incidents",
    "held_only": "Incidents that were held back",
    "false": "False pages",
    "found": "Found incidents",
    "told": "Pages",
    "held": "Held candidates outside incidents",
}
BEFORE, AFTER = 48, 24  # ticks around what is shown, at least
MOST_POINTS = 360  # of one plot
MOST_ROWS = 200  # series that are looked through for the one that shows a missed incident best
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Span:
    """A time on a plot: an incident, a calendar event, a page, a held candidate; both in ms of the clock."""

    kind: Literal["incident", "calendar", "page", "held"]
    from_ms: int
    to_ms: int
    title: str = ""


@dataclass(frozen=True, slots=True)
class Plot:
    """One picture with its words. `window` is thinned: of each `every` ticks the most surprising one."""

    id: str
    kind: Kind
    series: str
    title: str
    facts: tuple[str, ...]
    window: Window
    every: int
    threshold: float | None  # fused score from which people are told, as last stated
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Plots:
    """The plots in order of kind and time, and how many of each kind there would be."""

    shown: tuple[Plot, ...]
    counts: Mapping[Kind, int]


def plots(judged: Judged, calendar: Calendar, trace: Trace, clock: Clock, most: int) -> Plots:
    """At most `most` plots, shared fairly between the kinds; within a kind they are spread over time."""
    wanted: dict[Kind, list[JudgedIncident | JudgedPage]] = {kind: [] for kind in KINDS}
    for incident in judged.incidents:
        if incident.fate != "not_scored":
            wanted[incident.fate].append(incident)
    for page in judged.pages:
        if page.verdict in ("false", "told") or (page.verdict == "held" and page.incident is None):
            wanted[page.verdict].append(page)
    shares = _shares([len(items) for items in wanted.values()], most)
    drawer = _Drawer(judged, calendar, trace, clock)
    shown = [
        plot
        for (kind, items), share in zip(wanted.items(), shares, strict=True)
        for item in _spread(items, share)
        if (plot := drawer.draw(kind, item, len(items))) is not None
    ]
    return Plots(tuple(shown), {kind: len(items) for kind, items in wanted.items()})


def thin(window: Window, most: int = MOST_POINTS) -> tuple[Window, int]:
    """At most `most` ticks: of each run of `every` the one of greatest surprise, else the first with a sample."""
    n = len(window.t_ms)
    every = max(-(-n // most), 1)
    if every == 1:
        return window, 1
    size = np.abs(window.values[4])
    size = np.where(np.isfinite(size), size, np.where(np.isfinite(window.values[0]), -1.0, -2.0))
    kept = [start + int(np.argmax(size[start : start + every])) for start in range(0, n, every)]
    return Window(window.t_ms[kept], window.values[:, kept]), every


def _shares(counts: Sequence[int], most: int) -> list[int]:
    """How many of each are shown: everything where it fits, else the scarce ones whole and the rest evenly."""
    shares, left = [0] * len(counts), most
    for rank, at in enumerate(sorted(range(len(counts)), key=lambda i: counts[i])):
        shares[at] = min(counts[at], left // (len(counts) - rank))
        left -= shares[at]
    return shares


def _spread(items: Sequence[Item], share: int) -> list[Item]:
    return [items[i * len(items) // share] for i in range(share)] if share else []


@dataclass(slots=True)
class _Drawer:
    judged: Judged
    calendar: Calendar
    trace: Trace
    clock: Clock
    number: int = 0

    def draw(self, kind: Kind, item: JudgedIncident | JudgedPage, of: int) -> Plot | None:
        """None where the trace has nothing of it."""
        start, end = _extent(item, self.judged)
        place = self._place(item, start, end)
        if place is None:
            return None
        tick = self.trace.interval_ms(place)
        length = end - start
        before, after = max(BEFORE * tick, length), max(AFTER * tick, length // 3)
        raw = self.trace.window(place, start - before, end + after)
        window, every = thin(raw)
        if not len(window.t_ms):
            return None
        self.number += 1
        labels = _labels(item, self.judged)
        span = int(window.t_ms[0]), int(window.t_ms[-1]) + tick
        spans = tuple(self._spans(labels, *span))
        on = dict.fromkeys(s.title for s in spans if s.kind == "calendar" and s.from_ms <= end and start < s.to_ms)
        facts = (*self._facts(item), *([f"Calendar: {', '.join(on)}."] if on else []))
        return Plot(
            f"p{self.number}", kind, series_name(labels, self.judged.units), self._title(item),
            facts, window, every, self._threshold(item, span[1]), spans,
        )  # fmt: skip

    def _place(self, item: JudgedIncident | JudgedPage, start: int, end: int) -> tuple[int, int] | None:
        """The row that is shown: that of the page; for a missed incident the one that was most surprised."""
        page = item if isinstance(item, JudgedPage) else next(iter(self._pages(item)), None)
        if page is not None:
            places = self.trace.places(page.page.series.get("metric", "*"), dict(page.page.present))
            places = places or self.trace.places("*", dict(page.page.present))
        else:
            assert isinstance(item, JudgedIncident)
            wanted = {k: v for k, v in item.incident.labels.items() if k != "metric"}
            places = self.trace.places(item.incident.labels.get("metric", "*"), wanted)
            if not places:
                units = [u for u in self.judged.units if agree(u.labels, item.incident.labels)][:MOST_ROWS]
                places = [p for u in units for p in self.trace.places(u.labels.get("metric", "*"), _cuboid(u.labels))]
        if len(places) < 2:
            return places[0] if places else None
        return max(places, key=lambda place: self._loudness(place, start, end))

    def _loudness(self, place: tuple[int, int], start: int, end: int) -> float:
        surprise = np.abs(self.trace.window(place, start, end).values[4])
        return float(np.nanmax(surprise)) if np.isfinite(surprise).any() else -1.0

    def _pages(self, incident: JudgedIncident) -> list[JudgedPage]:
        """Told ones first."""
        mine = [self.judged.pages[number] for number in incident.pages]
        return sorted(mine, key=lambda page: page.verdict == "held")

    def _title(self, item: JudgedIncident | JudgedPage) -> str:
        if isinstance(item, JudgedPage):
            return self.clock.text(item.page.open_ms)
        name = item.incident.name or ("" if item.incident.kind in ("incident", "window") else item.incident.kind)
        return f"{self.clock.text(item.incident.start_ms)}{f' · {name}' if name else ''}"

    def _facts(self, item: JudgedIncident | JudgedPage) -> Iterator[str]:
        if isinstance(item, JudgedIncident):
            incident = item.incident
            lasted = words.duration(incident.end_ms - incident.start_ms)
            yield f"Incident until {self.clock.text(incident.end_ms)} ({lasted})."
            if item.delay_ms is not None and item.delay_ticks is not None:
                late = words.duration(item.delay_ms) if item.delay_ms else "at once"
                yield f"Told {f'after {late}' if item.delay_ms else late} ({item.delay_ticks:g} ticks)."
            pages = self._pages(item)
            for page in pages[:3]:
                yield from self._of_page(page)
            if len(pages) > 3:
                yield f"{len(pages) - 3} more openings in this incident."
            if not pages:
                yield "Nothing was told, nothing was held."
        else:
            yield from self._of_page(item)

    def _of_page(self, page: JudgedPage) -> Iterator[str]:
        one, numbers = page.page, page.page.numbers
        opened = self.clock.text(one.open_ms)
        closed = f"until {self.clock.text(one.close_ms)}" if one.close_ms is not None else "still on at the end"
        if one.is_suppressed:
            reason = words.REASON_TEXT.get(one.reason, one.reason)  # type: ignore[call-overload]
            yield f"Held at {opened}, {closed}: {reason}."
        else:
            again = " again" if page.verdict == "duplicate" else ""
            yield f"Page{again} at {opened}, {closed}."
        observed, expected = words.number(numbers.get("observed")), words.number(numbers.get("expected"))
        evidence = numbers.get("evidence") or {}
        threshold = evidence.get("threshold") or {}
        fused = threshold.get("fused")
        score = f"; score {words.number(fused)}, told from {words.number(threshold.get('at'))}" if fused else ""
        yield f"{one.direction.capitalize()}: observed {observed}, expected {expected}{score}."

    def _threshold(self, item: JudgedIncident | JudgedPage, until_ms: int) -> float | None:
        """The threshold that the last page before the end of the window named, or the first that any did."""
        said = [(page.page.open_ms, at) for page in self.judged.pages if (at := _at(page)) is not None]
        before = [at for t, at in said if t <= until_ms]
        return before[-1] if before else said[0][1] if said else None

    def _spans(self, labels: Mapping[str, str], from_ms: int, to_ms: int) -> Iterator[Span]:
        shown = {name.replace(".", "_"): value for name, value in labels.items()}
        for o in self.calendar.between(from_ms, to_ms):
            if o.scope.is_everything or o.scope.matches(shown):
                yield Span("calendar", max(o.from_ms, from_ms), min(o.until_ms, to_ms), o.title)
        for i in self.judged.incidents:
            near = i.incident.start_ms < to_ms and from_ms <= i.incident.end_ms
            if near and agree(labels, i.incident.labels):
                yield Span("incident", max(i.incident.start_ms, from_ms), min(i.incident.end_ms, to_ms))
        for page in self.judged.pages:
            end = page.page.close_ms if page.page.close_ms is not None else to_ms
            if page.page.open_ms < to_ms and from_ms <= end and agree(labels, page.labels):
                kind: Literal["held", "page"] = "held" if page.verdict == "held" else "page"
                yield Span(kind, max(page.page.open_ms, from_ms), min(end, to_ms), page.page.reason)


def _extent(item: JudgedIncident | JudgedPage, judged: Judged) -> tuple[int, int]:
    if isinstance(item, JudgedIncident):
        ends = [judged.pages[n].page.open_ms for n in item.pages]
        return item.incident.start_ms, max([item.incident.end_ms, *ends])
    end = item.page.close_ms
    return item.page.open_ms, item.page.open_ms + item.page.interval_ms if end is None else end


def _labels(item: JudgedIncident | JudgedPage, judged: Judged) -> Mapping[str, str]:
    if isinstance(item, JudgedPage):
        return item.labels
    told = [judged.pages[n] for n in item.pages]
    return told[0].labels if told else item.incident.labels


def _cuboid(labels: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name != "metric" and value != "*"}


def _at(page: JudgedPage) -> float | None:
    at = ((page.page.numbers.get("evidence") or {}).get("threshold") or {}).get("at")
    return float(at) if isinstance(at, int | float) and math.isfinite(at) else None
