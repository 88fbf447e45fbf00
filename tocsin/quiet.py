"""What the daemon does while nothing arrives: promises by our clock, journalled first, and kept again in a replay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set

from connectors.journal import Control
from detector.frame import Batch
from detector.schema import MINUTE_MS
from detector.watermark import NEVER
from tocsin.closing import Pauses, Promise, Promises, QuietClock, QuietSource, read, write
from tocsin.idle import IdleWatch
from tocsin.log import logger
from tocsin.ports import EnginePort
from tocsin.record_clock import RecordClock

BEHIND_MS = 10 * MINUTE_MS  # of event time: who is further behind the newest is not waited for


class Quiet:
    """Belongs to the engine's thread. Without a source that can say that it has read everything it does nothing new."""

    def __init__(
        self, source: QuietSource | None, engine: EnginePort, records: RecordClock, controls: Iterable[Control],
        clock: QuietClock, idle_watch: IdleWatch,
    ) -> None:  # fmt: skip
        """Takes up what the journal holds; promises for the positions that the engine stands at are kept at once."""
        self._source, self._engine, self._records = source, engine, records
        self._clock, self._idle_watch = clock, idle_watch
        controls = list(controls)
        self._promises = Promises(controls)
        self._is_told = False
        for record in controls:
            if record.kind == "close":
                self._note_time(record.text)
        for name in self._promises.names():
            self.keep(name)
        if source is not None:
            source.split_at(self._promises.offsets())

    @property
    def pauses(self) -> Pauses:
        return self._clock.pauses

    def note(self, batch: Batch, now_s: float) -> None:
        """A batch was taken in."""
        self._idle_watch.note(batch, now_s)
        self._clock.note(batch, now_s)
        self._is_told = False
        self.keep(batch.partition)

    def keep(self, name: str) -> None:
        """Keeps what was once promised for the position at which the partition stands."""
        until_ms = self._promises.due(name, self._engine.positions.get(name, 0))
        if until_ms is not None:
            self._engine.promise(name, until_ms)

    def look(
        self, lag: Mapping[str, tuple[int, int | None]], expected: Set[str], idle: Set[str], closed: Set[str],
        now_s: float,
    ) -> tuple[list[str], dict[str, int]]:  # fmt: skip
        """Partitions that hold everybody up and become idle; and partition → event time to promise now.

        Silence is not taken for silence while nobody can say what there is, and nothing is promised while there is more
        to read. Where all are silent, those heard last stay: for them our clock promises.
        """
        is_caught_up = self._source is not None and self._source.is_caught_up()
        if not is_caught_up:
            self._clock.blind(now_s)
        if self._source is not None and not self._source.is_answering():
            return [], {}
        marks = self._engine.watermarks
        silent = set(self._idle_watch.silent(lag, now_s) - idle - closed)
        if self._source is None:
            return sorted(silent), {}
        if silent | idle | closed >= expected:
            silent = {
                name for name in silent if marks.get(name, NEVER) < max(marks.values(), default=NEVER) - BEHIND_MS
            }
        waited = expected - idle - silent or marks.keys()
        until = {}
        if is_caught_up and closed.isdisjoint(waited):
            until = self._clock.promises(marks, waited, now_s)
        if until and not self._is_told:
            self._is_told = True
            logger("quiet").warning("nothing arrives and everything is read; our clock closes ticks from now on",
                                    partitions=len(until), event_ms=min(until.values()))  # fmt: skip
        return sorted(silent), until

    def make(self, until: Mapping[str, int], wall_ms: int, journal: Callable[[str], object]) -> None:
        """Journals promises at the present positions, then keeps them; without a source that can stop there: none."""
        if self._source is None:
            return
        text = write({name: Promise(self._engine.positions.get(name, 0), ms) for name, ms in until.items()}, wall_ms)
        journal(text)
        for name, until_ms in until.items():
            self._engine.promise(name, until_ms)
        self._note_time(text)

    def _note_time(self, text: str) -> None:
        wall_ms, promises = read(text)
        self._records.close(min(p.until_ms for p in promises.values()), wall_ms)
