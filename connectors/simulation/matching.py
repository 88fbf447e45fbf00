"""Pages held against the truth: which incidents were found, which pages were false, and in which situation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from connectors.simulation.truth import Incident
from connectors.simulation.world import World

MINUTE_MS = 60_000
GRACE_MS = 45 * MINUTE_MS  # a page may still come so long after the fault's end
EXPLAINED = 0.35  # least part of a page's size that the fault must make
WEEK_MS = 7 * 86_400_000

PageSituation = Literal[
    "right", "near_incident", "high_impact", "unlisted", "anticipated", "low_impact", "quiet"
]  # fmt: skip


class Page(NamedTuple):
    """One alarm as people were told: when, which watched leaves, and the log change that it reports (NaN: none)."""

    opened_ms: int
    closed_ms: int
    cells: NDArray[np.intp]  # (cells,) rows of watched leaves
    change: float


@dataclass(frozen=True, slots=True)
class Matching:
    """`first_page` per incident of the truth (None: not found), `situation` per page ("right": it found something)."""

    incidents: tuple[Incident, ...]
    pages: tuple[Page, ...]
    first_page: tuple[Page | None, ...]
    situation: tuple[PageSituation, ...]
    blamed: tuple[tuple[int, ...], ...] = ()  # per page, the incidents (indices) that make it right

    def recall(self) -> float:
        """Share of identifiable incidents that were found; NaN without any."""
        found = [page is not None for i, page in zip(self.incidents, self.first_page, strict=True) if i.identifiable]
        return float(np.mean(found)) if found else float("nan")

    def false_pages(self) -> int:
        return sum(situation != "right" for situation in self.situation)

    def false_by_situation(self) -> Counter[PageSituation]:
        return Counter(situation for situation in self.situation if situation != "right")

    def precision(self) -> float:
        """Share of right pages; NaN without any page."""
        return 1 - self.false_pages() / len(self.pages) if self.pages else float("nan")

    def delays_minutes(self) -> list[float]:
        """From the start of each incident that was found to its first page, at least 0."""
        pairs = zip(self.incidents, self.first_page, strict=True)
        return [max(page.opened_ms - i.start_ms, 0) / MINUTE_MS for i, page in pairs if page is not None]


def match_pages(
    world: World, pages: Sequence[Page], from_ms: int | None = None, until_ms: int | None = None
) -> Matching:
    """Matches pages and incidents from `from_ms` (default: the end of the world's history) to `until_ms`, excluded.

    By default the world's end. An incident belongs to the span in which it starts, a page to that in which it opens.

    A page is right if it shares cells with a fault while that lasts (or 45 minutes after) and the fault, over all of
    the page's cells, makes at least .35 of the page's change. Of several right pages the first counts.
    """
    parameters = world.parameters
    begin = parameters.start_ms + int(parameters.history_days * 86_400_000) if from_ms is None else from_ms
    end = parameters.end_ms if until_ms is None else until_ms
    judged = tuple(sorted((p for p in pages if begin <= p.opened_ms < end), key=lambda p: (p.opened_ms, p.closed_ms)))
    incidents = tuple(i for i in world.truth.incidents if begin <= i.start_ms < end)
    first: list[Page | None] = [None] * len(incidents)
    situations: list[PageSituation] = []
    blamed: list[tuple[int, ...]] = []
    for page in judged:
        touching = [n for n, incident in enumerate(incidents) if _touches(page, incident)]
        right = [n for n in touching if _explains(world, page, incidents[n])]
        for n in right:
            first[n] = first[n] or page
        blamed.append(tuple(right))
        situations.append("right" if right else "near_incident" if touching else _situation(world, page))
    return Matching(incidents, judged, tuple(first), tuple(situations), tuple(blamed))


def false_pages_per_1000_series_weeks(
    world: World, matching: Matching, from_ms: int | None = None, until_ms: int | None = None
) -> float:
    """The operator's unit: watched leaves are the series."""
    parameters = world.parameters
    begin = parameters.start_ms + int(parameters.history_days * 86_400_000) if from_ms is None else from_ms
    end = parameters.end_ms if until_ms is None else until_ms
    series_weeks = world.watched_count * (end - begin) / WEEK_MS
    return 1000 * matching.false_pages() / series_weeks


def _touches(page: Page, incident: Incident) -> bool:
    in_time = page.opened_ms < incident.end_ms + GRACE_MS and page.closed_ms > incident.start_ms
    return in_time and bool(np.intersect1d(page.cells, incident.cells).size)


def _explains(world: World, page: Page, incident: Incident) -> bool:
    """Does the fault make enough of what the page reports? A stuck leaf changes nothing: it must be half of it."""
    shared = np.isin(page.cells, incident.cells)
    if incident.plan.shape == "stuck" or np.isnan(page.change):
        return bool(shared.mean() >= 0.5)
    minute = (incident.start_ms - world.parameters.start_ms) // MINUTE_MS
    weight = world.expected(minute)[page.cells]
    seen_ms = np.arange(incident.start_ms, max(min(page.closed_ms, incident.end_ms), incident.start_ms + 1), MINUTE_MS)
    loss = incident.plan.loss(seen_ms)
    worst = loss[np.argmax(np.abs(loss))]
    change = np.log(max(1 - worst * float((weight * shared).sum() / weight.sum()), 0.01))
    return bool(page.change * change > 0 and abs(change) >= EXPLAINED * min(abs(page.change), abs(np.log(0.01))))


def _situation(world: World, page: Page) -> PageSituation:
    """The most telling event that is on somewhere in the page's regions when it opens."""
    _, regions, activities = world.parameters.geography.shape
    named = {world.parameters.geography.regions[r].name for r in set((page.cells // activities % regions).tolist())}
    on = [e for e in world.truth.events if e.is_on(page.opened_ms) and named & set(e.regions)]
    kinds = {e.kind for e in on}
    if "high_impact" in kinds:
        return "high_impact"
    if any(e.kind == "anticipated" and (e.moved or e.scheduled_start_ms is None) for e in on):
        return "unlisted"
    if "anticipated" in kinds:
        return "anticipated"
    return "low_impact" if "low_impact" in kinds else "quiet"
