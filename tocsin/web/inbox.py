"""The inbox as the template needs it: rows in groups, filters, and a banner when the watcher is blind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from starlette.datastructures import QueryParams

from tocsin.api.live import LiveView
from tocsin.api.query import alarm_query
from tocsin.api.store import AlarmQuery, AlarmStore, Body
from tocsin.api.times import to_ms, to_text
from tocsin.json_values import mapping, reasons_of
from tocsin.web import words

FIRING_SHOWN, HELD_SHOWN, RESOLVED_SHOWN = 500, 200, 100
SEVERITY_MARK = {"critical": "◆", "warning": "▲", "info": "●"}


@dataclass(frozen=True, slots=True)
class Chip:
    """One label of a cuboid, and the link that filters by it."""

    name: str
    value: str
    url: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the inbox."""

    id: str
    url: str
    state: str
    severity: str
    mark: str
    metric: str
    place: tuple[Chip, ...]
    since: str
    since_iso: str
    lasted: str
    direction: str
    deviation: str
    surprise: str
    why: str
    detail: str
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one state under their heading."""

    state: str
    title: str
    empty: str
    rows: tuple[Row, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Inbox:
    """The whole page."""

    groups: tuple[Group, ...]
    filters: tuple[tuple[str, str], ...]  # text, address without this filter
    troubles: tuple[str, ...]
    query: str
    as_of: str
    as_of_iso: str


def inbox(view: LiveView, store: AlarmStore, parameters: QueryParams, now_ms: int) -> Inbox:
    """What the inbox shows for these parameters; raises QueryError for odd ones."""
    query = alarm_query(parameters, now_ms)
    event_now = event_time(view, now_ms)
    groups = tuple(
        _group(view, store, replace(query, states=frozenset({state}), limit=limit), title, empty, event_now)
        for state, title, empty, limit in (
            ("firing", "Firing", "Nothing is firing.", FIRING_SHOWN),
            ("held", "Held back", "Nothing is held back.", HELD_SHOWN),
            ("resolved", "Resolved", "Nothing has ended yet.", RESOLVED_SHOWN),
        )
        if not query.states or state in query.states
    )
    status = view.status()
    return Inbox(
        groups,
        _filters(parameters),
        (*status.not_healthy, *status.not_ready),
        urlencode(parameters.multi_items()),
        words.clock(event_now, now_ms),
        to_text(event_now),
    )


def event_time(view: LiveView, now_ms: int) -> int:
    """The end of the newest closed tick, the wall clock before the first one."""
    return max((outcome.t_ms + outcome.interval_ms for outcome in view.newest()), default=now_ms)


def chips(body: Mapping[str, Any], which: str = "present") -> tuple[Chip, ...]:
    """The labels of a cuboid that say something; none means everything."""
    cuboid = mapping(body.get("cuboid")).get(which)
    if not isinstance(cuboid, Mapping):
        cuboid = {name: value for name, value in mapping(body.get("series")).items() if name != "metric"}
    said = [(str(name), str(value)) for name, value in cuboid.items() if value != "*"]
    return tuple(Chip(name, value, f"/alarms?match={quote(_pattern(name, value), safe='')}") for name, value in said)


def row_of(body: Body, event_now: int) -> Row:
    """One alarm as a line; whatever its body lacks is shown as a dash."""
    start, end = to_ms(body.get("starts_at")), to_ms(body.get("ends_at"))
    state = str(body.get("state"))
    reasons = reasons_of(body)
    held_by = ", ".join(str(reason.get("reason", "")).replace("_", " ") for reason in reasons)
    by = ", ".join(str(reason["by"]) for reason in reasons if reason.get("by"))
    why, detail = state, ""
    if state == "held":
        why, detail = f"held: {held_by}" if held_by else "held", by
    elif state == "resolved":
        why = str(body.get("end") or "resolved").replace("_", " ")
        detail = f"was held: {held_by}" if held_by else ""
    return Row(
        id=str(body.get("alarm_id")),
        url=f"/alarms/{quote(str(body.get('alarm_id')), safe='')}",
        state=state,
        severity=str(body.get("severity") or "info"),
        mark=SEVERITY_MARK.get(str(body.get("severity")), "●"),
        metric=str(mapping(body.get("series")).get("metric", "")),
        place=chips(body),
        since=words.clock(start, event_now),
        since_iso=str(body.get("starts_at") or ""),
        lasted=words.duration((end or event_now) - start) if start is not None else "",
        direction=str(body.get("direction") or ""),
        deviation=words.percent(words.change_of(body)),
        surprise=words.score(body.get("surprise")),
        why=why,
        detail=detail,
        acknowledged=bool(body.get("acknowledged")),
    )


def _group(
    view: LiveView, store: AlarmStore, query: AlarmQuery, title: str, empty: str, event_now: int
) -> Group:  # fmt: skip
    page = store.list(query)
    (state,) = query.states
    rows = [row_of(body, event_now) for body in page.items]
    if state == "firing":
        rows.sort(key=lambda row: list(SEVERITY_MARK).index(row.severity) if row.severity in SEVERITY_MARK else 9)
    return Group(state, title, empty, tuple(rows), page.next is not None)


def _filters(parameters: QueryParams) -> tuple[tuple[str, str], ...]:
    items = parameters.multi_items()
    return tuple(
        (value if name == "match" else f"{name}: {value}", "/alarms?" + urlencode(items[:i] + items[i + 1 :]))
        for i, (name, value) in enumerate(items)
        if name in ("match", "severity", "state", "reason", "since") and value
    )


def _pattern(name: str, value: str) -> str:
    """`label=value` as a pattern that means just this value; what a pattern cannot spell becomes `?`."""
    literal = value.replace("[", "[[]").replace("*", "[*]").replace("?", "[?]").replace(",", "?")
    return f"{name.replace('.', '_')}={literal}"
