"""Backtest: files through the engine that `run` uses, from a cold start; what people would have been told."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from connectors.source import Source
from suppression.alarm import AlarmEvent, Cuboid
from suppression.body import iso
from suppression.controls import Controls
from tocsin.engine import Engines
from tocsin.outcome import Outcome
from tocsin.spans_judged import JudgedSpans, Unit

PAGE_COLUMNS = ("series_id", "open", "close", "direction", "cuboid", "p", "suppressed", "reason")
LEAST_P = 1e-300


class Page(NamedTuple):
    """One alarm or held candidate from its first to its last tick; `close_ms` None: still on at the end of the data."""

    alarm_id: str
    revision: int
    series_id: str
    open_ms: int  # the tick at which people were told; held: at which it was first held
    close_ms: int | None
    direction: str
    cuboid: str
    p: float
    is_suppressed: bool
    reason: str
    severity: str
    summary: str
    end: str
    series: Mapping[str, str] = {}  # labels of the first cuboid, `metric` among them
    present: Mapping[str, str] = {}  # the last cuboid: dimension (or `dimension.parent`) → value
    numbers: Mapping[str, Any] = {}  # the body at its most surprising
    interval_ms: int = 0


Watch = Callable[[Outcome], None]


@dataclass(slots=True)
class Backtest:
    """Everything that came out: transitions in order, and how much went in. Times are event time."""

    events: list[AlarmEvent] = field(default_factory=list)
    ticks: int = 0
    series: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    fates: Counter[tuple[str, str]] = field(default_factory=Counter)  # (result, reason) → samples
    intervals: dict[str, int] = field(default_factory=dict)  # alarm id → its tick in ms
    units: list[Unit] = field(default_factory=list)  # what was judged, and from when to when


def run_backtest(
    source: Source,
    engines: Engines,
    controls: Controls,
    progress: Callable[[int, int], None] = lambda done, of: None,
    watch: Watch = lambda outcome: None,
) -> Backtest:
    """Runs the files to their end. `controls` is in force from the first tick on, as in a first start of `run`.

    `watch` sees every outcome, for whoever draws.
    """
    found, engine, spans = Backtest(), engines.new(), JudgedSpans()
    source.open({})
    engine.expect(frozenset(source.partitions()))
    total = _left(source)
    while not source.is_finished():
        for batch in source.poll(0.0):
            engine.take(batch)
        for outcome in engine.turns(controls):
            found.events += outcome.events
            found.intervals.update((event.alarm_id, outcome.interval_ms) for event in outcome.events)
            found.ticks += 1
            found.series = max(found.series, len(outcome.index))
            found.first_ms = outcome.t_ms if found.first_ms is None else found.first_ms
            found.last_ms = outcome.t_ms
            spans.add(outcome)
            watch(outcome)
        progress(total - _left(source), total)
    source.close()
    for mine in engine.fates.values():
        found.fates.update(mine)
    found.units = spans.units(engine)
    return found


def joined(found: Sequence[Backtest]) -> Backtest:
    """Backtests of different series as one: transitions in order of their ticks, everything else added up."""
    whole = Backtest()
    for one in found:
        whole.ticks, whole.series = whole.ticks + one.ticks, whole.series + one.series
        whole.fates.update(one.fates)
        whole.intervals.update(one.intervals)
        whole.units += one.units
    firsts, lasts = ([t for one in found if (t := getattr(one, at)) is not None] for at in ("first_ms", "last_ms"))
    whole.first_ms, whole.last_ms = min(firsts, default=None), max(lasts, default=None)
    whole.events = sorted((event for one in found for event in one.events), key=lambda event: event.tick_ms)
    return whole


def _left(source: Source) -> int:
    return sum(messages for messages, _ in source.lag().values())


def pages(events: Sequence[AlarmEvent], intervals: Mapping[str, int] = {}) -> list[Page]:  # read only
    """One page for each alarm, in order of (opening, id); what was held and told later opens when it was told."""
    by_alarm: dict[str, list[AlarmEvent]] = {}
    for event in events:
        by_alarm.setdefault(event.alarm_id, []).append(event)
    found = (_page(mine, intervals.get(alarm, 0)) for alarm, mine in by_alarm.items())
    return sorted(found, key=lambda page: (page.open_ms, page.alarm_id))


def _page(events: Sequence[AlarmEvent], interval_ms: int) -> Page:
    told = [event for event in events if event.told]
    first, last = (told or events)[0], events[-1]
    peak = max((e.data for e in events), key=lambda data: abs(data["surprise"] or 0.0))
    return Page(
        alarm_id=last.alarm_id,
        revision=last.revision,
        series_id="|".join(str(value) for value in first.data["series"].values()),
        open_ms=first.tick_ms,
        close_ms=last.tick_ms if last.state == "resolved" else None,
        direction=str(first.data["direction"]),
        cuboid=cuboid_text(first.data["cuboid"]["present"]),
        p=max(float(peak["p"] or 1.0), LEAST_P),
        is_suppressed=not told,
        reason="" if told else _reason(events),
        severity=last.severity,
        summary=str((told or events)[-1].data["summary"]),
        end=last.end or "",
        series=dict(first.data["series"]),
        present=dict(last.data["cuboid"]["present"]),
        numbers=peak,
        interval_ms=interval_ms,
    )


def _reason(events: Sequence[AlarmEvent]) -> str:
    """The first reason that held it."""
    for event in events:
        for reason in (event.data["suppression"] or {}).get("reasons", []):
            return str(reason["reason"])
    return ""


def cuboid_text(cuboid: Cuboid) -> str:
    """`region=r1&device=tv`; `all` where no dimension is fixed.

    >>> cuboid_text({"region": "r1", "device": "*"})
    'region=r1'
    """
    return "&".join(f"{name}={value}" for name, value in cuboid.items() if value != "*") or "all"


def write_pages(file: Path, found: Sequence[Page], has_zone: bool = True) -> None:
    """`pages.csv`, times as RFC 3339; without `has_zone` they are written as the data has them, without the Z."""
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(PAGE_COLUMNS)
        for page in found:
            times = [(iso(t) or "") if has_zone else (iso(t) or "").rstrip("Z") for t in (page.open_ms, page.close_ms)]
            held = int(page.is_suppressed)
            writer.writerow([page.series_id, *times, page.direction, page.cuboid, f"{page.p:.4g}", held, page.reason])


def event_lines(events: Sequence[AlarmEvent]) -> Iterator[bytes]:
    """Every transition as a line of `alarms.jsonl`: the CloudEvent that receivers get, and whether they do."""
    import msgspec

    from connectors.cloudevents import Envelope, wrap

    envelope = Envelope("backtest")
    for event in events:
        yield msgspec.json.encode({**wrap(event, envelope), "told": event.told}) + b"\n"


def row(page: Page, has_zone: bool = True) -> Mapping[str, Any]:
    """A page as the table on the terminal and `-o json` show it; times as in `write_pages`."""
    opened, closed = (
        (iso(t) or "").removesuffix("" if has_zone else "Z") or None for t in (page.open_ms, page.close_ms)
    )
    return {
        "open": opened, "close": closed, "severity": page.severity, "cuboid": page.cuboid,
        "direction": page.direction, "p": float(f"{page.p:.3g}"), "reason": page.reason, "end": page.end,
        "summary": page.summary, "id": f"{page.alarm_id}/{page.revision}",
    }  # fmt: skip
