"""Calendar files: YAML texts to one compiled calendar, with every fault at its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from suppression.calendar import Calendar, Event, HolidayRule
from suppression.event import Expectation
from suppression.holidays import check_holidays, table_version
from suppression.occurrences import single_occurrence
from suppression.recurrence import parse_rule
from suppression.scope import Scope
from tocsin.config.calendar_models import CalendarFileModel, EffectModel, EventModel, HolidaysModel, WhenModel
from tocsin.config.document import parse_document, read_text
from tocsin.config.faults import Fault, FaultsError, Loc
from tocsin.config.node import Node
from tocsin.config.time_fields import to_ms, to_wall
from tocsin.config.validate import validate

DAY = timedelta(days=1)
MAX_RECURRING = timedelta(days=366)
ANY_DAY = datetime(2000, 1, 1)  # the start of a rule of holidays, which is not used
Tell = Callable[[Loc, str], None]


@dataclass(frozen=True, slots=True)
class EventSource:
    """An event and where it is written, for warnings and for duplicates."""

    event: Event
    root: Node
    loc: Loc

    def warning(self, reason: str, *below: str) -> Fault:
        """A remark at this event, or at a key below it."""
        return self.root.fault((*self.loc, *below), reason)


def load_calendar(paths: Iterable[Path]) -> Calendar:
    """The calendar in these files; FaultsError with all faults of all of them."""
    faults: list[Fault] = []
    files: dict[str, str] = {}
    for path in paths:
        try:
            files[str(path)] = read_text(path)
        except FaultsError as error:
            faults += error.faults
    try:
        calendar = parse_calendars(files)
    except FaultsError as error:
        raise FaultsError([*faults, *error.faults]) from None
    if faults:
        raise FaultsError(faults)
    return calendar


def parse_calendars(files: Mapping[str, str]) -> Calendar:
    """The calendar in these texts by name; ids are unique over all of them. FaultsError has every fault."""
    return Calendar(tuple(source.event for source in event_sources(files)))


def event_sources(files: Mapping[str, str]) -> list[EventSource]:
    """Events of all files in order of file and place; as `parse_calendars`."""
    faults: list[Fault] = []
    sources: list[EventSource] = []
    for name in sorted(files):
        try:
            sources += _of_file(files[name], name)
        except FaultsError as error:
            faults += error.faults
    first: dict[str, EventSource] = {}
    for source in sources:
        other = first.setdefault(source.event.id, source)
        if other is not source:
            there = other.warning("")
            reason = f"the id {source.event.id!r} is taken by the event in {there.file}, line {there.line}"
            faults.append(source.warning(reason, "id"))
    if faults:
        raise FaultsError(faults)
    return sources


def _of_file(text: str, name: str) -> list[EventSource]:
    faults: list[Fault] = []
    root = parse_document(text, name, None, faults)

    def tell(loc: Loc, reason: str) -> None:
        faults.append(root.fault(loc, reason))

    if "imports" in root.value:
        tell(("imports",), "this version reads no .ics; use events, holidays or `tocsin calendar import-csv`")
        del root.value["imports"]
    head, found = validate(CalendarFileModel, root, without=("events", "holidays"))
    faults += found
    zone = None if head is None else head.timezone
    owner = "" if head is None or head.owner is None else head.owner
    sources: list[EventSource] = []
    ids: dict[str, int] = {}
    for loc in _items(root, "events", tell):
        event_model, found = validate(EventModel, root, loc)
        faults += found
        _one_id(root, loc, ids, tell)
        if event_model is not None:
            event = _event(event_model, loc, zone, owner, tell, head is None)
            sources += [] if event is None else [EventSource(event, root, loc)]
    for loc in _items(root, "holidays", tell):
        holidays_model, found = validate(HolidaysModel, root, loc)
        faults += found
        if holidays_model is not None:
            event = _holidays(holidays_model, loc, zone, owner, tell, head is None)
            sources += [] if event is None else [EventSource(event, root, loc)]
    if faults:
        raise FaultsError(faults)
    return sources


def _items(root: Node, name: str, tell: Tell) -> list[Loc]:
    node = root.step(name)
    if node is None or node.value is None:
        return []
    if not isinstance(node.value, list):
        tell((name,), "expected a list")
        return []
    return [(name, i) for i in range(len(node.value))]


def _one_id(root: Node, loc: Loc, ids: dict[str, int], tell: Tell) -> None:
    """Told here and not only for valid events, so that one fault does not hide another."""
    event = root.step(loc[0])
    node = event.step(loc[1]) if event else None
    identity = node.step("id") if node else None
    if identity is None or not isinstance(identity.value, str):
        return
    if identity.value in ids:
        tell((*loc, "id"), f"the id {identity.value!r} is taken by the event on line {ids[identity.value]}")
    ids.setdefault(identity.value, identity.line)


def _event(model: EventModel, loc: Loc, zone: str | None, owner: str, tell: Tell, is_blind: bool) -> Event | None:
    """The event, or None after telling what is wrong with it. `is_blind`: the file's own zone could not be read."""
    when = model.when
    zone = when.timezone or zone
    if zone is None:
        if is_blind:
            return None
        if when.start[0].tzinfo is None:
            reason = "a start without zone: expected timezone here, timezone at the top, or an offset such as Z"
            tell((*loc, "when", "start"), reason)
            return None
        zone = "UTC"
    start = to_wall(when.start[0], zone)
    fold = "second" if start.fold or when.fold == "second" else "first"
    length, is_wall_length = _length(when, start, zone)
    if length <= timedelta(0):
        tell((*loc, "when", "end"), f"the end is not after the start {start.isoformat(timespec='minutes')}")
        return None
    if when.repeat is not None:
        if length > MAX_RECURRING:
            tell((*loc, "when", "repeat"), "an event that repeats lasts at most 366d")
            return None
        try:
            parse_rule(when.repeat, start.replace(fold=0), zone)
        except ValueError as error:
            tell((*loc, "when", "repeat"), str(error))
            return None
    title = model.title or model.id
    event = Event(
        id=model.id,
        title=title,
        start=start.replace(fold=0),
        length=length,
        zone=zone,
        is_wall_length=is_wall_length,
        repeat=when.repeat,
        exceptions=tuple(to_wall(time, zone).replace(fold=0) for time in when.except_),
        fold=fold,  # type: ignore[arg-type]
        lead_ms=when.lead,
        tail_ms=when.tail,
        **_effect(model, zone, owner, title),
    )
    if when.repeat is None and single_occurrence(event).from_ms >= single_occurrence(event).until_ms:
        tell((*loc, "expires"), "expires before the event begins")
        return None
    return event


def _holidays(model: HolidaysModel, loc: Loc, zone: str | None, owner: str, tell: Tell, is_blind: bool) -> Event | None:
    zone = model.timezone or zone
    if zone is None:
        if not is_blind:
            tell(loc, "holidays without zone: expected timezone here or at the top of the file")
        return None
    rule = HolidayRule(
        model.country, model.subdivision, model.categories, model.names or (), data_version=table_version()
    )
    try:
        check_holidays(rule)
    except ValueError as error:
        tell((*loc, "country"), str(error))
        return None
    title = "holidays-" + "-".join(filter(None, [model.country, model.subdivision]))
    effect = _effect(model, zone, owner, "")
    return Event(
        id=model.id or title,
        title=title,
        start=ANY_DAY,
        length=DAY,
        zone=zone,
        is_wall_length=True,
        holidays=rule,
        lead_ms=model.lead,
        tail_ms=model.tail,
        **effect,
    )


def _length(when: WhenModel, start: datetime, zone: str) -> tuple[timedelta, bool]:
    """How long, and whether that is a difference of wall times (an end on the wall, a whole day) or elapsed time."""
    if when.duration is not None:
        return timedelta(milliseconds=when.duration), False
    if when.end is None:
        return DAY, True
    end = when.end[0]
    if end.tzinfo is not None and when.start[0].tzinfo is not None:
        return end - when.start[0], False
    return to_wall(end, zone).replace(fold=0) - start.replace(fold=0), True


def _effect(model: EffectModel, zone: str, owner: str, title: str) -> dict[str, Any]:
    expect = model.expect
    return {
        "event_class": model.class_ or title,
        "scope": model.scope or Scope(),
        "direction": expect.direction or _direction(expect.change),
        "change": expect.change,
        "action": model.action,
        "learn": model.learn,
        "approved_by": model.approved_by,
        "expires_ms": None if model.expires is None else to_ms(model.expires, zone),
        "owner": model.owner or owner,
        "tags": tuple(sorted((name, str(value)) for name, value in model.tags.items())),
    }


def _direction(change: tuple[float, float] | None) -> Expectation:
    if change is None:
        return "unknown"
    if change[0] >= 0:
        return "up"
    return "down" if change[1] <= 0 else "either"
