"""Takes alarms to receivers: one thread each, in the order of each alarm, again until acknowledged or given up.

Send, then mark: a crash between the two repeats a delivery under its old id, and nothing else ever does. Receivers are
islands; none waits for another, and the engine waits for none. All waiting is by the monotonic clock.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from connectors.failpoint import fp
from connectors.outbox import DeliveryState, Outbox, Parcel
from connectors.sink import Sink, SinkError
from detector.errors import StorageError
from tocsin.budget import TokenBucket
from tocsin.clock import Clock, SteadyClock
from tocsin.log import logger
from tocsin.ports import Probe
from tocsin.storm import summary

HOUR_MS = 3_600_000
IDLE_S = 1.0  # how long a receiver's thread sleeps when nothing wakes it
SUMMARY_AFTER_S = 10.0
SUMMARY_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Manners:
    """How one receiver is treated. `batch` > 1 only for sinks that take many events in one acknowledged request."""

    batch: int = 1
    notify_budget: int | None = 30  # events a minute, then one summary; None: everything, for machines
    max_age_ms: int = 24 * HOUR_MS  # then the dead-letter list
    max_alarm_age_ms: int | None = HOUR_MS // 4  # older news is told only if still firing; None: all, as for files
    backoff_max_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Receiver:
    sink: Sink
    manners: Manners = field(default_factory=Manners)


class Postman:
    """Serves one receiver; `work` does one pass and says how many seconds the next one can wait."""

    def __init__(
        self,
        journal: Path,
        receiver: Receiver,
        clock: Clock,
        steady: SteadyClock,
        *,
        is_caught_up: Callable[[], bool],
        probe: Probe | None = None,
        dice: random.Random | None = None,
    ) -> None:
        self.name = receiver.sink.name
        self._sink, self._manners = receiver.sink, receiver.manners
        self._outbox = Outbox(journal, self.name)
        self._clock, self._steady, self._is_caught_up, self._probe = clock, steady, is_caught_up, probe
        self._dice = dice or random.Random()  # noqa: S311  jitter is no secret
        self._bucket = TokenBucket(self._manners.notify_budget, clock.monotonic_s())
        self._waits: dict[int, float] = {}  # seq → monotonic time of its next attempt
        self._unmarked: list[int] = []  # acknowledged, but the journal could not be told yet
        self._failures = 0  # in a row
        self._resume_s = 0.0
        self._overflow_s: float | None = None
        self._summary_s = float("-inf")
        self._log = logger("deliver").bind(sink=self.name)

    def work(self) -> float:
        self._mark([])  # what an unwritable journal could not keep: never sent again before it is written down
        now_s = self._clock.monotonic_s()
        if now_s < self._resume_s:
            return self._resume_s - now_s
        caught_up = self._is_caught_up()
        old = None if caught_up else self._manners.max_alarm_age_ms
        self._waits = {seq: at for seq, at in self._waits.items() if at > now_s}
        parcels = self._outbox.due(self._manners.batch, old_ms=old, skip=self._waits.keys())
        sendable = [kept for parcel in parcels if (kept := self._triage(parcel)) is not None]
        allowed = [parcel for parcel in sendable if self._bucket.take(now_s)]
        if allowed:
            self._send(allowed)
        if len(allowed) < len(sendable):
            return self._overflow(now_s, old)
        if parcels:
            return 0.0
        self._overflow_s = None
        return max(0.0, min(self._waits.values(), default=now_s + IDLE_S) - now_s)

    def pending(self) -> int:
        return self._outbox.pending()

    def close(self) -> None:
        self._outbox.close()
        self._sink.close()

    def _triage(self, parcel: Parcel) -> Parcel | None:
        """What to send instead of this parcel: itself, a later one of its lane, or nothing."""
        manners, alarm = self._manners, parcel.event.alarm_id
        if self._steady.ms() - parcel.created_ms > manners.max_age_ms:
            self._give_up(parcel, "max_age")
            return None
        was_told = self._outbox.has(alarm, "sent")
        is_old = manners.max_alarm_age_ms is not None and parcel.age_ms > manners.max_alarm_age_ms
        is_behind = parcel.tries > 0 and parcel.event.type == "updated"
        if parcel.event.type == "resolved" and not was_told and self._outbox.has(alarm, "summarised"):
            return self._close_lane([parcel], "summarised")
        if not is_old and not is_behind:
            return parcel
        lane = self._outbox.lane(alarm)
        if is_old and parcel.alarm_state == "resolved" and not was_told:
            return self._close_lane(lane, "expired")  # it began and ended while nobody was looking
        if is_old:
            self._close_lane(lane[:-1], "superseded")  # one page, with the true start
            return lane[-1]
        if len(lane) > 1:
            return self._close_lane([parcel], "superseded")
        return parcel

    def _close_lane(self, parcels: Sequence[Parcel], state: DeliveryState) -> Parcel | None:
        if parcels:
            self._outbox.done([parcel.seq for parcel in parcels], state, self._steady.ms())
        return None

    def _send(self, parcels: list[Parcel]) -> None:
        start_s = self._clock.monotonic_s()
        try:
            self._sink.send([parcel.event for parcel in parcels])
        except SinkError as error:
            if error.permanent and len(parcels) > 1:
                for parcel in parcels:  # find the one that is refused
                    if self._clock.monotonic_s() >= self._resume_s:
                        self._send([parcel])
            elif error.permanent:
                self._give_up(parcels[0], error.reason, str(error))
            else:
                self._back_off(parcels, error.reason, str(error))
            return
        except Exception as error:
            self._log.exception("a sink broke its contract")
            self._back_off(parcels, "sink_error", f"{type(error).__name__}: {error}")
            return
        fp("sent")
        self._failures = 0
        self._mark([parcel.seq for parcel in parcels])
        took_s, wall_ms = self._clock.monotonic_s() - start_s, self._clock.wall_ms()
        for parcel in parcels:
            if self._probe is not None:
                age_s = None if parcel.record_ms is None else (wall_ms - parcel.record_ms) / 1000
                self._probe.delivered(self.name, took_s, age_s)

    def _mark(self, seqs: Sequence[int]) -> None:
        self._unmarked.extend(seqs)
        if self._unmarked:
            self._outbox.done(self._unmarked, "sent", self._steady.ms())
            self._unmarked.clear()

    def _give_up(self, parcel: Parcel, reason: str, message: str = "") -> None:
        self._outbox.done([parcel.seq], "dead", self._steady.ms(), reason)
        self._log.error("an alarm event is dead-lettered", id=parcel.event.id, reason=reason, error=message)
        if self._probe is not None:
            self._probe.delivery_failed(self.name, reason)

    def _back_off(self, parcels: Sequence[Parcel], reason: str, message: str) -> None:
        """Full jitter (Brooker, AWS 2015): the wait is uniform up to a bound that doubles with every failure."""
        self._failures += 1
        now_s, bound = self._clock.monotonic_s(), self._manners.backoff_max_s
        self._resume_s = now_s + self._dice.uniform(0.1, min(bound, 2.0 ** min(self._failures, 16)))
        for parcel in parcels:
            self._waits[parcel.seq] = self._resume_s + self._dice.uniform(0, min(bound, 2.0 ** min(parcel.tries, 16)))
        wait_ms = round((self._resume_s - now_s) * 1000)
        self._outbox.again([parcel.seq for parcel in parcels], self._steady.ms() + wait_ms, reason)
        if self._failures == 1 or self._failures % 10 == 0:
            self._log.warning("a delivery failed", reason=reason, error=message, failures=self._failures)
        if self._probe is not None:
            self._probe.delivery_failed(self.name, reason)

    def _overflow(self, now_s: float, old_ms: int | None) -> float:
        """The budget is spent: wait for a token, and now and then fold what piles up into one summary."""
        self._overflow_s = now_s if self._overflow_s is None else self._overflow_s
        due_s = max(self._overflow_s + SUMMARY_AFTER_S, self._summary_s + SUMMARY_EVERY_S)
        if now_s < due_s:
            return min(due_s - now_s, 60.0 / (self._manners.notify_budget or 60))
        heads = self._outbox.due(100_000, old_ms=old_ms, skip=self._waits.keys())
        news = [parcel for parcel in heads if not self._outbox.has(parcel.event.alarm_id, "sent")]
        folded = [parcel for head in news for parcel in self._outbox.lane(head.event.alarm_id)]
        if not folded:
            return 60.0 / (self._manners.notify_budget or 60)  # all of known alarms: these wait for tokens
        try:
            self._sink.send([summary(self.name, folded)])
        except SinkError as error:
            self._back_off([], error.reason, str(error))
            return 0.0
        self._outbox.done([parcel.seq for parcel in folded], "summarised", self._steady.ms())
        self._summary_s, self._overflow_s = now_s, None
        return 0.0


class Deliverer:
    """The receivers' threads; `wake` after a commit, `stop` at the end."""

    def __init__(self, postmen: Sequence[Postman], clock: Clock) -> None:
        self._postmen = tuple(postmen)
        self._clock = clock
        self._stopping = threading.Event()
        self._wakes = {postman.name: threading.Event() for postman in postmen}
        self._queues: dict[str, int] = {postman.name: 0 for postman in postmen}
        self._busy: dict[str, bool] = {postman.name: False for postman in postmen}
        self._threads = [
            threading.Thread(target=self._serve, args=(postman,), name=f"deliver-{postman.name}", daemon=True)
            for postman in postmen
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        for name, event in self._wakes.items():
            self._busy[name] = True
            event.set()

    def queue_lengths(self) -> Mapping[str, int]:
        """Receiver → events that wait, as of its last pass."""
        return dict(self._queues)

    def is_busy(self) -> bool:
        """Is any receiver being served right now, rather than waited for or done?"""
        return any(self._busy.values())

    def stop(self, timeout_s: float) -> None:
        """Lets every thread finish its pass; one that hangs in its sink is left behind."""
        self._stopping.set()
        self.wake()
        deadline = self._clock.monotonic_s() + timeout_s
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - self._clock.monotonic_s()))

    def _serve(self, postman: Postman) -> None:
        wake = self._wakes[postman.name]
        log = logger("deliver").bind(sink=postman.name)
        while not self._stopping.is_set():
            wake.clear()  # before looking: what comes while we look wakes us again
            try:
                wait_s = postman.work()
                self._queues[postman.name] = postman.pending()
            except StorageError as error:
                log.error("the journal cannot be written; what was sent is remembered", error=str(error))
                wait_s = IDLE_S
            except Exception:
                log.exception("a delivery thread failed; it goes on")
                wait_s = IDLE_S
            self._busy[postman.name] = wait_s == 0
            if wait_s > 0 and not self._stopping.is_set():
                self._clock.wait(wake, min(wait_s, IDLE_S))
        postman.close()
