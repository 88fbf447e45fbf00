"""Is the promise kept? Alarms told and not confirmed real against the series that were watched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from connectors.history import History
from detector.timing import DAY_MS, WEEK_MS
from tocsin.calm_exceedance import ratios
from tocsin.exposure import DAYS
from tocsin.outcome import Outcome
from tocsin.status import Status

ALL = "all"  # the one class so far
EVERY_MS = 60_000


class BudgetKept:
    """Fills the budget, votes and kept promises of a status from the newest outcomes (one an interval) and the history.

    `refresh` asks the database, in the history's thread; `enrich` only reads. Alarms count from the first day on that
    counts as watched. Nothing is said of the realised rate while the history is away or nothing was judged.
    """

    def __init__(self, newest: Callable[[], Sequence[Outcome]], history: History) -> None:
        self._newest, self._history = newest, history
        self._counted_ms: int | None = None
        self._told: int | None = None

    def refresh(self) -> None:
        """Counts anew, once a minute of event time. Raises UnreachableError."""
        now_ms = max((outcome.t_ms for outcome in self._newest()), default=None)
        if now_ms is None or (self._counted_ms is not None and now_ms - self._counted_ms < EVERY_MS):
            return
        self._told = self._history.told_unconfirmed((now_ms // DAY_MS - DAYS + 1) * DAY_MS)
        self._counted_ms = now_ms

    def enrich(self, status: Status) -> Status:
        """The status with what is known now; the rate per 1000 series-weeks, over the trailing four weeks."""
        newest = self._newest()
        promised = [outcome.promised for outcome in newest if outcome.promised is not None]
        votes = [outcome.effective_votes for outcome in newest if outcome.effective_votes is not None]
        weeks = sum(outcome.watched_ms for outcome in newest) / WEEK_MS
        exceedance, spreads = ratios(outcome.calm_exceedance for outcome in newest)
        realised = {} if self._told is None or not weeks else {ALL: 1000 * self._told / weeks}
        return replace(
            status,
            budget_promised={ALL: promised[0]} if promised else {},
            budget_realised=realised,
            effective_votes=votes[0] if votes else None,
            calm_exceedance=exceedance,
            calm_exceedance_spread=spreads,
        )
