"""The long-running loop: poll, step, journal, publish, snapshot; deliveries, reloads and the watchdog beside it.

One thread owns the engine. The order of a cycle is docs/explanation/exactly-once.md: a tick's transitions are durable
before a snapshot may hold the tick, and before anybody hears of it.
"""

from __future__ import annotations

import os
import queue
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from connectors.failpoint import fp
from connectors.journal import NAME as JOURNAL_NAME
from connectors.journal import ControlKind, Journal
from connectors.source import Source
from detector.errors import TocsinError
from detector.frame import Batch
from tocsin.clock import Clock, SteadyClock, SystemClock
from tocsin.closing import QuietClock, QuietSource
from tocsin.controls_log import ControlsLog, ParseCalendar, ParseSilences
from tocsin.daemon_settings import DaemonSettings
from tocsin.deliver import Deliverer, Postman, Receiver
from tocsin.idle import IdleWatch
from tocsin.lock import DataDirLock
from tocsin.log import logger
from tocsin.outcome import Outcome
from tocsin.ports import EngineFactory, EnginePort, Listener, Probe, Projection
from tocsin.quiet import Quiet
from tocsin.readiness import missing
from tocsin.record_clock import RecordClock
from tocsin.recorder import Recorder
from tocsin.recover import check_source, header_of, recover
from tocsin.reload import Reloader, WatchedFiles
from tocsin.signals import signals
from tocsin.snapshotter import Snapshotter
from tocsin.status import Status
from tocsin.watchdog import Watchdog

__all__ = ["Daemon", "DaemonSettings"]

DAY_S = 86_400.0
COMMIT_EVERY_S = 5.0  # of positions, for lag tools
STATUS_EVERY_S = 0.2
STEP_S = 0.25  # of stepping before the loop looks around
PersonalKind = Literal["acknowledge", "withdraw"]


class Daemon:
    """One source, one engine, any number of receivers; `run` gives the exit code, the rest is safe from any thread."""

    def __init__(
        self,
        settings: DaemonSettings,
        source: Source,
        engines: EngineFactory,
        receivers: Sequence[Receiver],
        *,
        parse_calendar: ParseCalendar,
        parse_silences: ParseSilences,
        watched: Sequence[WatchedFiles] = (),
        listeners: Sequence[Listener] = (),
        probe: Probe | None = None,
        projection: Projection | None = None,
        enrich: Callable[[Status], Status] = lambda status: status,
        commit: Callable[[Mapping[str, int]], None] | None = None,
        quiet: QuietSource | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`enrich` adds what only the builder knows to a status; `commit` shows positions to lag tools, best effort.

        `quiet`: the source, if it can say that it has read everything; then our clock closes ticks while nothing comes.
        """
        self._settings, self._source, self._engines, self._receivers = settings, source, engines, tuple(receivers)
        self._parse_calendar, self._parse_silences, self._watched = parse_calendar, parse_silences, tuple(watched)
        self._listeners, self._probe, self._projection = tuple(listeners), probe, projection
        self._enrich, self._commit, self._quiet_source = enrich, commit, quiet
        self._clock: Clock = clock or SystemClock()
        self._steady = SteadyClock(self._clock)
        self._stopping = threading.Event()
        self._reload_asked = threading.Event()
        self._exit_code = 0
        self._is_ready = False
        self._caught_up = threading.Event()
        self._requests: queue.SimpleQueue[tuple[ControlKind, str]] = queue.SimpleQueue()
        self._reload_lock = threading.Lock()
        self._reloader = Reloader(watched)
        self._status = Status(not_ready=("starting",), series_limit=settings.series_limit)
        self._log = logger("daemon")

    # ---- from any thread

    def status(self) -> Status:
        return self._status

    def stop(self, exit_code: int = 0) -> None:
        """Asks the loop to drain and end."""
        self._exit_code = exit_code
        self._stopping.set()

    def reload(self) -> list[TocsinError]:
        """Reads calendar and silences again; what is valid applies at the next tick, the faults are returned."""
        with self._reload_lock:
            changed, faults = self._reloader.check(self._clock.wall_ms())
            for kind, text in changed:
                self._requests.put((kind, text))
        return faults

    def decide(self, kind: PersonalKind, alarm_id: str) -> None:
        """Acknowledges or withdraws an alarm, from the next tick on."""
        self._requests.put((kind, alarm_id))

    # ---- the life of the process

    def run(self, *, once: bool = False) -> int:
        """Goes on until stopped, or with `once` until the source is finished and everything is delivered."""
        self._settings.data_dir.mkdir(parents=True, exist_ok=True)
        lock = DataDirLock(self._settings.data_dir)
        try:
            with signals(self.stop, self._reload_asked.set):
                return self._run(once)
        finally:
            lock.release()

    def _run(self, once: bool) -> int:
        self._start()
        try:
            while not self._stopping.is_set():
                arrived = self._cycle()
                if once and not arrived and self._is_finished():
                    self._wait_for_receivers()
                    break
            self._finish()
        finally:
            self._watchdog.stop()
            self._deliverer.stop(1.0)
            if self._projection is not None:
                self._projection.stop(self._settings.drain_s if once else 1.0)
            self._source.close()
            self._journal.close()
        return self._exit_code

    def _start(self) -> None:
        settings, clock = self._settings, self._clock
        path = settings.data_dir / JOURNAL_NAME
        self._journal = Journal(path, [receiver.sink.name for receiver in self._receivers])
        self._journal.take_lease(f"pid {os.getpid()}")
        self._watchdog = Watchdog(clock, settings.watchdog_s)
        self._watchdog.start()
        self._snapshotter = Snapshotter(
            settings.data_dir / "snapshots", clock,
            every_s=settings.snapshot_every_s, every_samples=settings.snapshot_every_samples,
        )  # fmt: skip
        found = recover(settings.data_dir / "snapshots", self._engines, self._journal, self._source.identity())
        self._engine: EnginePort = found.engine
        self._ticks, self._closed = dict(found.ticks), set(found.closed)
        self._snapshotter.fell_back(found.fallbacks)
        self._recorder = Recorder(
            self._journal, clock, self._steady, self._stopping,
            beat=self._watchdog.beat, ballast_bytes=settings.ballast_bytes,
        )  # fmt: skip
        self._controls = ControlsLog(self._journal, self._parse_calendar, self._parse_silences)
        self._load_files()
        self._idle_asked = set(self._controls.idle())
        self._records = RecordClock()
        now_s = clock.monotonic_s()
        self._quiet = Quiet(
            self._quiet_source, self._engine, self._records, self._controls.records(),
            QuietClock(settings.close_after_s, settings.tick_ms, now_s, found.pauses),
            IdleWatch(settings.idle_after_s, now_s),
        )  # fmt: skip
        self._source_was = found.source
        self._dead_letters: Counter[tuple[str, str]] = Counter()
        self._status_s = self._commit_s = clock.monotonic_s()
        self._samples = 0  # since the last snapshot
        self._expected: tuple[str, ...] = ()
        self._has_closed_ticks = False
        self._reload_s = self._prune_s = clock.monotonic_s()
        postmen = [
            Postman(path, receiver, clock, self._steady, is_caught_up=self._caught_up.is_set, probe=self._probe)
            for receiver in self._receivers
        ]
        self._deliverer = Deliverer(postmen, clock)
        self._deliverer.start()
        if self._projection is not None:
            self._projection.start()
        self._source.open(found.positions)
        self._log.info("started", epoch=self._journal.epoch, positions=len(found.positions), ticks=self._ticks,
                       emit_tick=self._recorder.newest_ms())  # fmt: skip

    def _load_files(self) -> None:
        """At a start: what is on disk if it is valid, else what the journal says was last in force, else nothing."""
        for watched in self._watched:
            record = self._controls.last(watched.kind)
            if record is not None:
                self._reloader.assume(watched.kind, record.hash)
        self.reload()
        self._take_requests()

    def _cycle(self) -> bool:
        """One turn of the loop; True when anything arrived."""
        self._watchdog.beat()
        self._house_keeping()
        batches = [] if self._has_closed_ticks else self._source.poll(self._settings.poll_s)
        now_s = self._clock.monotonic_s()
        self._check_identity()
        if self._source.partitions() != self._expected:
            self._expected = self._source.partitions()
            self._engine.expect(frozenset(self._expected))
        if batches:
            self._recorder.note_input(batches)
        for batch in batches:
            self._take(batch, now_s)
        self._look_for_silence(now_s)
        self._has_closed_ticks = self._step_for(STEP_S)
        self._maybe_snapshot()
        arrived = bool(batches) or self._has_closed_ticks
        self._publish_status(arrived)
        return arrived

    def _take(self, batch: Batch, now_s: float) -> None:
        if batch.partition in self._idle_asked and (len(batch) or batch.closes_ms is not None):
            self._idle_asked.discard(batch.partition)
            self._append("active", batch.partition)
            if closed := [t + int(interval) for interval, t in self._ticks.items()]:  # as late here as in a replay
                self._promise({batch.partition: max(closed)})
        self._records.note(batch)
        self._engine.take(batch)
        self._quiet.note(batch, now_s)
        self._samples += len(batch)
        if batch.closes_ms is not None:
            self._closed.add(batch.partition)
        elif len(batch):
            self._closed.discard(batch.partition)
        for rejected in batch.rejected:
            self._dead_letters[batch.partition.rpartition("/")[0] or batch.partition, rejected.reason] += 1

    def _check_identity(self) -> None:
        check_source(self._settings.data_dir, self._source_was, self._source.identity())

    def _look_for_silence(self, now_s: float) -> None:
        if self._has_closed_ticks:
            return
        idle, until = self._quiet.look(self._source.lag(), set(self._expected), self._idle_asked, self._closed, now_s)
        for partition in idle:
            self._idle_asked.add(partition)
            self._append("idle", partition)
            self._log.warning("a partition is silent; ticks no longer wait for it", partition=partition)
        if until:
            self._promise(until)

    def _promise(self, until: dict[str, int]) -> None:
        self._quiet.make(until, self._steady.ms(), lambda text: self._append("close", text))

    def _step_for(self, seconds: float) -> bool:
        """Steps closed ticks, for so long that snapshots, reloads and signals do not wait; True: there are more."""
        until_s = self._clock.monotonic_s() + seconds
        while True:
            self._watchdog.beat()
            self._engine.set_idle(self._controls.idle_after(self._stepped_ms()))
            tick_ms = self._engine.next_tick_ms()
            if tick_ms is None:
                return False
            start_s = self._clock.monotonic_s()
            if start_s >= until_s:
                return True
            try:
                outcome = self._engine.turn(self._controls.at(tick_ms))
            except Exception:
                if self._probe is not None:
                    self._probe.tick_failed()
                raise
            fp("scored")
            self._settle(outcome, self._clock.monotonic_s() - start_s)

    def _settle(self, outcome: Outcome, seconds: float) -> None:
        start_s = self._clock.monotonic_s()
        is_replay = self._recorder.is_silent(outcome)
        is_new = self._recorder.record(outcome, self._records.at(outcome.t_ms + outcome.interval_ms))
        if is_replay and outcome.events:
            outcome = replace(outcome, events=())  # listeners heard of them, or were given the alarms at the start
        self._ticks[str(outcome.interval_ms)] = outcome.t_ms
        for listener in self._listeners:
            listener.on_outcome(outcome, seconds)
        if self._probe is not None:
            self._probe.stage_took("emit", self._clock.monotonic_s() - start_s)
        if is_new:
            self._deliverer.wake()
            if self._projection is not None:
                self._projection.wake()

    def _house_keeping(self) -> None:
        now_s, every_s = self._clock.monotonic_s(), self._settings.reload_every_s
        if self._reload_asked.is_set() or (every_s > 0 and now_s - self._reload_s >= every_s):
            self._reload_asked.clear()
            self._reload_s = now_s
            self.reload()
        self._take_requests()
        if self._commit is not None and now_s - self._commit_s >= COMMIT_EVERY_S:
            self._commit_s = now_s
            self._commit(self._engine.positions)
        if now_s - self._prune_s >= DAY_S:
            self._prune_s = now_s
            self._journal.prune(self._steady.ms() - round(self._settings.retain_days * DAY_S * 1000))

    def _take_requests(self) -> None:
        while True:
            try:
                kind, text = self._requests.get_nowait()
            except queue.Empty:
                return
            self._append(kind, text)

    def _append(self, kind: ControlKind, text: str) -> None:
        after = max((t for t in (self._stepped_ms(), self._recorder.newest_ms()) if t is not None), default=None)
        record = self._controls.append(kind, text, after, self._steady.ms())
        if kind != "close":  # one a tick, while nothing comes
            self._log.info("control journalled", kind=kind, tick_ms=record.tick_ms, hash=record.hash[:8])

    def _stepped_ms(self) -> int | None:
        return max(self._ticks.values(), default=None)

    def _maybe_snapshot(self) -> None:
        if self._ticks and self._snapshotter.is_due(self._samples):
            self._snapshot()

    def _snapshot(self) -> None:
        self._recorder.advance(self._ticks)  # never past what the journal holds
        kept, arrays = self._engine.save()
        header = header_of(
            self._engine, kept, self._journal, self._source.identity(), self._ticks, frozenset(self._closed),
            self._quiet.pauses,
        )  # fmt: skip
        self._snapshotter.offer(header, arrays)
        self._samples = 0

    def _is_finished(self) -> bool:
        partitions = self._source.partitions()
        return self._source.is_finished() or (bool(partitions) and self._closed.issuperset(partitions))

    def _wait_for_receivers(self) -> None:
        self._caught_up.set()
        self._deliverer.wake()
        told_s = self._clock.monotonic_s()
        while (waiting := self._journal.pending_deliveries()) and not self._stopping.is_set():
            self._watchdog.beat()
            self._publish_status(False)
            if self._clock.monotonic_s() - told_s >= 30:
                told_s = self._clock.monotonic_s()
                self._log.warning("everything is judged; waiting for receivers", deliveries=waiting)
            self._clock.wait(self._stopping, 0.05)

    def _finish(self) -> None:
        """No more input: one last snapshot, and what is due to receivers, within the time that is allowed."""
        deadline = self._clock.monotonic_s() + self._settings.drain_s
        self._deliverer.wake()
        self._watchdog.beat()
        if self._ticks and self._snapshotter.finish(self._settings.drain_s / 2):
            self._snapshot()
        still = threading.Event()
        while self._clock.monotonic_s() < deadline - 1 and self._deliverer.is_busy():
            self._watchdog.beat()
            self._clock.wait(still, 0.02)
        self._snapshotter.finish(max(0.5, deadline - self._clock.monotonic_s()))
        self._publish_status(False)
        self._log.info("stopped", exit=self._exit_code, undelivered=self._journal.pending_deliveries())

    # ---- what others see

    def _publish_status(self, arrived: bool) -> None:
        now_s = self._clock.monotonic_s()
        if arrived and now_s - self._status_s < STATUS_EVERY_S:
            return
        self._status_s = now_s
        source, engine, lag = self._source, self._engine, self._source.lag()
        behind = missing(source, lag, self._clock.wall_ms(), self._settings.ready_lag_s, arrived=arrived)
        if not behind:
            self._is_ready = True
            self._caught_up.set()
        trouble = self._recorder.trouble
        status = replace(
            self._status,
            not_healthy=(trouble,) if trouble else (),
            not_ready=() if self._is_ready else behind,
            partitions=source.partitions(),
            fates={name: dict(fates) for name, fates in engine.fates.items()},
            watermarks=dict(engine.watermarks),
            lag=dict(lag),
            snapshot=self._snapshotter.status,
            replay_mismatches=self._recorder.mismatches,
            queue_length=self._deliverer.queue_lengths(),
            files=self._reloader.status(),
            dead_letters=dict(self._dead_letters),
        )
        self._status = self._enrich(status)
