"""The store of alarms that pages and commands ask, on top of what was kept in a database or a journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from connectors.kept import JournalReader, Kept, KeptEvent, Wanted
from tocsin.api.memory_store import matches
from tocsin.api.store import AlarmPage, AlarmQuery, Body, Points
from tocsin.api.times import to_text

LabelsOf = Callable[[Body], Mapping[str, str]]


class KeptStore:
    """Implements `tocsin.api.store.AlarmStore`; `live` gives points of alarms that are still in memory."""

    def __init__(self, kept: Kept, labels_of: LabelsOf, live: Callable[[Body], Points | None] | None = None) -> None:
        self._kept, self._labels_of, self._live = kept, labels_of, live

    def list(self, query: AlarmQuery) -> AlarmPage:
        wanted = Wanted(query.states, query.severities, query.reasons, query.only_held, query.since_ms, query.cursor)
        items: list[Body] = []
        for body in self._kept.alarms(wanted):
            if query.match and not any(matches(pattern, self._labels_of(body)) for pattern in query.match):
                continue
            if len(items) == query.limit:
                return AlarmPage(items, str(items[-1]["alarm_id"]))
            items.append(body)
        return AlarmPage(items, None)

    def get(self, alarm_id: str) -> Body | None:
        return self._kept.alarm(alarm_id)

    def timeline(self, alarm_id: str) -> Sequence[Body]:
        return tuple(_entry(event) for event in self._kept.events(alarm_id))

    def points(self, alarm_id: str) -> Points | None:
        body = self._kept.alarm(alarm_id)
        if body is None:
            return None
        live = self._live(body) if self._live is not None else None
        if live is not None and len(live.t_ms):
            return live
        kept = self._kept.points(alarm_id)
        if kept is None:
            return None
        rest = ([float("nan") if v is None else v for v in kept[n]] for n in ("observed", "expected", "lower", "upper"))
        return Points(kept["t"], *rest)


def open_kept(data_dir: Path, url: str | None) -> Kept:
    """The history database where there is one to read, else the journal, which has the newest months."""
    from connectors.history import History
    from detector.errors import UnreachableError

    if url is not None and not (url.startswith("sqlite") and not Path(url.partition("///")[2]).exists()):
        history = History(url)
        try:
            next(iter(history.alarms(Wanted())), None)
        except UnreachableError:
            history.close()
        else:
            return history
    return JournalReader(data_dir / "journal.db")


def _entry(event: KeptEvent) -> Body:
    return {
        "type": event.type, "time": to_text(event.tick_ms), "revision": event.revision, "state": event.state,
        "severity": event.severity, "end": event.end, "told": event.told, "surprise": event.body.get("surprise"),
        "summary": event.body.get("summary"),
    }  # fmt: skip
