"""Backtest: files through the engine that `run` uses, from a cold start; what people would have been told."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from connectors.sources.file import FileSource
from suppression.alarm import AlarmEvent, Cuboid
from suppression.body import iso
from suppression.controls import Controls
from tocsin.engine import Engines

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


@dataclass(slots=True)
class Backtest:
    """Everything that came out: transitions in order, and how much went in. Times are event time."""

    events: list[AlarmEvent] = field(default_factory=list)
    ticks: int = 0
    series: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    fates: Counter[tuple[str, str]] = field(default_factory=Counter)  # (result, reason) → samples


def run_backtest(
    source: FileSource,
    engines: Engines,
    controls: Controls,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Backtest:
    """Runs the files to their end. `controls` is in force from the first tick on, as in a first start of `run`."""
    found, engine = Backtest(), engines.new()
    source.open({})
    engine.expect(frozenset(source.partitions()))
    total = _left(source)
    while not source.is_finished():
        for batch in source.poll(0.0):
            engine.take(batch)
        for outcome in engine.turns(controls):
            found.events += outcome.events
            found.ticks += 1
            found.series = max(found.series, len(outcome.index))
            found.first_ms = outcome.t_ms if found.first_ms is None else found.first_ms
            found.last_ms = outcome.t_ms
        progress(total - _left(source), total)
    source.close()
    for mine in engine.fates.values():
        found.fates.update(mine)
    return found


def _left(source: FileSource) -> int:
    return sum(messages for messages, _ in source.lag().values())


def pages(events: Sequence[AlarmEvent]) -> list[Page]:
    """One page for each alarm, in order of (opening, id); what was held and told later opens when it was told."""
    by_alarm: dict[str, list[AlarmEvent]] = {}
    for event in events:
        by_alarm.setdefault(event.alarm_id, []).append(event)
    return sorted((_page(mine) for mine in by_alarm.values()), key=lambda page: (page.open_ms, page.alarm_id))


def _page(events: Sequence[AlarmEvent]) -> Page:
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


def row(page: Page) -> Mapping[str, Any]:
    """A page as the table on the terminal and `-o json` show it."""
    return {
        "open": iso(page.open_ms), "close": iso(page.close_ms), "severity": page.severity, "cuboid": page.cuboid,
        "direction": page.direction, "p": float(f"{page.p:.3g}"), "reason": page.reason, "end": page.end,
        "summary": page.summary, "id": f"{page.alarm_id}/{page.revision}",
    }  # fmt: skip
