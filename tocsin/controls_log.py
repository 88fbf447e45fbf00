"""What may change a decision from outside the log: journalled with the tick it applies at, replayed like any sample.

A record is in force from the first tick at or after its own. It is always stamped past every tick that was stepped
before it was written, so that a replay meets it at the same place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace

from connectors.journal import Control, ControlKind, Journal
from detector.errors import TocsinError
from suppression.calendar import Calendar
from suppression.controls import Controls
from suppression.silence import Silence
from tocsin.log import logger

Files = Mapping[str, str]  # name → content, as they were when they were read
ParseCalendar = Callable[[Files], Calendar]
ParseSilences = Callable[[Files], tuple[Silence, ...]]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def pack(files: Files) -> str:
    """Contents of files as the text of one control record."""
    return json.dumps(dict(sorted(files.items())), ensure_ascii=False)


class ControlsLog:
    """The journalled controls as one frozen `Controls` value per tick; belongs to the engine's thread."""

    def __init__(self, journal: Journal, parse_calendar: ParseCalendar, parse_silences: ParseSilences) -> None:
        self._journal, self._parse_calendar, self._parse_silences = journal, parse_calendar, parse_silences
        self._records = journal.controls()
        self._next = 0
        self._value = Controls()
        self._next_idle = 0
        self._idle: frozenset[str] = frozenset()
        self._log = logger("controls")

    def at(self, tick_ms: int) -> Controls:
        """Controls in force at this tick; ticks are asked for in the order in which they are stepped."""
        while self._next < len(self._records) and self._records[self._next].tick_ms <= tick_ms:
            self._value = self._apply(self._value, self._records[self._next])
            self._next += 1
        return self._value

    def append(self, kind: ControlKind, text: str, after_ms: int | None, now_ms: int) -> Control:
        """Journals a decision for the ticks after `after_ms`, the newest that was stepped (None: for all)."""
        previous = self._records[-1].tick_ms if self._records else 0
        tick_ms = max(previous, 0 if after_ms is None else after_ms + 1)
        record = self._journal.append_control(kind, text, digest(text), tick_ms, now_ms)
        self._records.append(record)
        return record

    def last(self, kind: ControlKind) -> Control | None:
        """The newest record of a kind, whether or not its tick has come."""
        return next((record for record in reversed(self._records) if record.kind == kind), None)

    def records(self) -> tuple[Control, ...]:
        """All of them, oldest first."""
        return tuple(self._records)

    def idle(self) -> frozenset[str]:
        """Partitions that are idle by the newest records, whether or not their tick has come."""
        newest = {record.text: record.kind for record in self._records if record.kind in ("idle", "active")}
        return frozenset(name for name, kind in newest.items() if kind == "idle")

    def idle_after(self, stepped_ms: int | None) -> frozenset[str]:
        """Partitions that hold no tick back once `stepped_ms` (the newest stepped tick) is behind us."""
        limit = 0 if stepped_ms is None else stepped_ms + 1
        while self._next_idle < len(self._records) and self._records[self._next_idle].tick_ms <= limit:
            record = self._records[self._next_idle]
            if record.kind in ("idle", "active"):
                self._idle = self._idle | {record.text} if record.kind == "idle" else self._idle - {record.text}
            self._next_idle += 1
        return self._idle

    def _apply(self, value: Controls, record: Control) -> Controls:
        text = record.text
        if record.kind == "idle":
            return replace(value, idle=value.idle | {text})
        if record.kind == "active":
            return replace(value, idle=value.idle - {text})
        if record.kind == "close":  # of partitions at positions; no tick of its own
            return value
        if record.kind == "acknowledge":
            return replace(value, acknowledged=value.acknowledged | {text})
        if record.kind == "withdraw":
            return replace(value, withdrawn=value.withdrawn | {text})
        try:  # it was valid when it was journalled; a newer program may have become stricter
            if record.kind == "calendar":
                return replace(value, calendar=self._parse_calendar(json.loads(text)))
            return replace(value, silences=self._parse_silences(json.loads(text)))
        except TocsinError as error:
            self._log.error("a journalled file is no longer accepted; the one before it stays",
                            kind=record.kind, seq=record.seq, error=str(error))  # fmt: skip
            return value
