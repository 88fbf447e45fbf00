"""Fills the history database from the journal, in a thread of its own, whenever it is there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from connectors.history import SERIES, History, Points
from connectors.kept import JournalReader
from detector.errors import TocsinError
from tocsin.clock import Clock
from tocsin.log import logger

CHUNK = 500
IDLE_S = 5.0
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0
ChartOf = Callable[[Mapping[str, Any]], Any]  # an alarm's body → the points around it (t_ms, observed, …), or None


class HistoryProjection:
    """`work` takes in what is new and says how long to wait; `behind` is what the pages' banner shows.

    `after` is called when all is taken in, and may raise as the history does.
    `chart_of` is asked for an alarm's points when one of its events passes, while they are still in memory.
    """

    def __init__(
        self,
        journal: Path,
        history: History,
        clock: Clock,
        chart_of: ChartOf | None = None,
        after: Callable[[], None] | None = None,
    ) -> None:
        self._journal, self._history, self._clock, self._chart_of = journal, history, clock, chart_of
        self._after = after
        self._reader: JournalReader | None = None
        self._wait_s = FIRST_WAIT_S
        self._stopping, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._serve, name="history", daemon=True)
        self._log = logger("history")
        self.trouble: str | None = None
        self.behind = 0

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def stop(self, timeout_s: float) -> None:
        """Takes in what is left if the database is there, and ends."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def work(self) -> float:
        """One pass; seconds until the next. An absent database is no failure of ours."""
        try:
            if self._reader is None:
                self._reader = JournalReader(self._journal)
            journal_id = self._reader.journal_id()
            rows = self._reader.after(self._history.cursor(journal_id), CHUNK)
            charts = {row.alarm_id: chart for row in rows if (chart := self._chart(row.body)) is not None}
            self._history.take(journal_id, rows, charts)
            self.behind = 0 if len(rows) < CHUNK else self._reader.last_seq() - rows[-1].seq
            if not self.behind and self._after is not None:
                self._after()
        except TocsinError as error:
            if self.trouble is None:
                self._log.warning("the history is delayed; alarms are not", error=str(error))
            self.trouble = str(error)
            self._wait_s = min(LONGEST_WAIT_S, 2 * self._wait_s)
            return self._wait_s
        if self.trouble is not None:
            self._log.info("the history is written again")
        self.trouble, self._wait_s = None, FIRST_WAIT_S
        return 0.0 if len(rows) == CHUNK else IDLE_S

    def _chart(self, body: Mapping[str, Any]) -> Points | None:
        found = self._chart_of(body) if self._chart_of is not None else None
        if found is None or not len(found.t_ms):
            return None
        columns = (found.t_ms, found.observed, found.expected, found.lower, found.upper)
        return {name: [_number(v) for v in column] for name, column in zip(SERIES, columns, strict=True)}

    def _serve(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._stopping.is_set()  # one more pass after the stop, for what came last
            self._wake.clear()
            try:
                wait_s = self.work()
                while wait_s == 0.0:
                    wait_s = self.work()
            except Exception:
                self._log.exception("the history thread failed; it goes on")
                wait_s = LONGEST_WAIT_S
            if not self._stopping.is_set():
                # back-off is not cut short by new events, only by the end
                self._clock.wait(self._stopping if self.trouble else self._wake, wait_s)
        if self._reader is not None:
            self._reader.close()


def _number(value: Any) -> float | int | None:
    """NaN has no JSON form that both databases take."""
    return None if value != value else value
