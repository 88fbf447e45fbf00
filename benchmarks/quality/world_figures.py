"""Figures of a simulated world: what was found, what was false and in which situation, as lines for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.quality.record import Metrics, plain_numbers
from benchmarks.quality.table import aligned
from benchmarks.quality.world_run import Run, Scenario
from connectors.simulation.matching import Matching, Page, false_pages_per_1000_series_weeks, match_pages
from connectors.simulation.truth import Incident

SITUATIONS = ("quiet", "anticipated", "unlisted", "low_impact", "high_impact", "near_incident")
HEAD = (
    "method", "recall", "of all", "in events", "precision", "false/1000 sw", "÷ promised", "duplicates", "delay med",
    "p90", *(f"false {name}" for name in SITUATIONS),
)  # fmt: skip


def match(of: Scenario, pages: Sequence[Page]) -> Matching:
    return match_pages(of.world, pages, of.from_ms, of.until_ms)


def table(of: Scenario, rows: dict[str, list[Page]], promised: float) -> str:
    """One line a method. Recall is of identifiable incidents; delays in ticks of a minute; false ones per 1000
    series-weeks of all time, so that situations add up."""
    body = [_line(of, name, match(of, pages), promised) for name, pages in rows.items()]
    return "\n".join(aligned([HEAD, *body]))


def metrics(of: Scenario, pages: Sequence[Page], promised: float) -> Metrics:
    """The figures by the names that other sets have; false pages per 1000 series-weeks, delays in ticks."""
    matching = match(of, pages)
    rate = false_pages_per_1000_series_weeks(of.world, matching, of.from_ms, of.until_ms)
    delays = matching.delays_minutes() or [float("nan")]
    return plain_numbers(
        {
            "recall": matching.recall(),
            "recall_all": _mean([p is not None for p in matching.first_page]),
            "precision": matching.precision(),
            "false_per_week": rate,
            "realised_over_promised": rate / promised,
            "delay_median": float(np.median(delays)),
            "delay_p90": float(np.quantile(delays, 0.9)),
        }
    )


def recall_by(of: Scenario, pages: Sequence[Page], label: Callable[[Incident], str]) -> str:
    """`found of n` per label, over identifiable incidents."""
    matching = match(of, pages)
    found: Counter[str] = Counter()
    all_: Counter[str] = Counter()
    for incident, page in zip(matching.incidents, matching.first_page, strict=True):
        if incident.identifiable:
            all_[label(incident)] += 1
            found[label(incident)] += page is not None
    return ", ".join(f"{name} {found[name]} of {all_[name]}" for name in sorted(all_))


def by_size(incident: Incident) -> str:
    """Share lost at the worst moment; surges and stuck values apart."""
    depth = incident.plan.depth
    if depth <= 0:
        return "surge" if depth < 0 else "stuck"
    return next((f"below {edge:g}" for edge in (0.2, 0.4, 0.7) if depth < edge), "from 0.7")


def held_by(run: Run) -> str:
    """Candidates first held, by the leading reason; what only the calendar's own test opened is in it."""
    counts = Counter(record.held[0] for record in run.records if record.held)
    return ", ".join(f"{reason} {n}" for reason, n in counts.most_common()) or "none"


def _line(of: Scenario, name: str, matching: Matching, promised: float) -> list[str]:
    weeks = of.world.watched_count * (of.until_ms - of.from_ms) / (7 * 86_400_000) / 1000
    rate = false_pages_per_1000_series_weeks(of.world, matching, of.from_ms, of.until_ms)
    found = [p is not None for p in matching.first_page]
    inside = [
        f for f, i in zip(found, matching.incidents, strict=True) if i.identifiable and _is_in_event(of, i)
    ]  # fmt: skip
    extra = sum(bool(blamed) for blamed in matching.blamed) - len({n for b in matching.blamed for n in b[:1]})
    delays = matching.delays_minutes()
    false = matching.false_by_situation()
    numbers = [
        matching.recall(), _mean(found), _mean(inside), matching.precision(), rate,
        rate / promised if promised else float("nan"), float(max(extra, 0)),
    ]  # fmt: skip
    times = [float(np.median(delays)), float(np.quantile(delays, 0.9))] if delays else [float("nan")] * 2
    return [
        name, *(f"{x:.3f}" for x in numbers[:4]), f"{rate:.2f}", f"{numbers[5]:.2f}", f"{numbers[6]:.0f}",
        *(f"{x:.0f}" for x in times), *(f"{false[s] / weeks:.2f}" for s in SITUATIONS),  # type: ignore[index]
    ]  # fmt: skip


def _is_in_event(of: Scenario, incident: Incident) -> bool:
    """Does any event move one of the incident's regions while it lasts?"""
    regions = {of.world.leaves[cell][2] for cell in incident.cells}
    return any(
        event.ramp[0] < incident.end_ms and event.ramp[3] > incident.start_ms and regions & set(event.regions)
        for event in of.world.truth.events
    )


def _mean(values: Sequence[bool]) -> float:
    return float(np.mean(values)) if values else float("nan")
