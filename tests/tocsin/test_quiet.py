"""While nothing arrives our own clock closes ticks, and only then; a replay closes the same."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from connectors.journal import Journal
from detector.frame import Batch, Key
from detector.schema import MINUTE_MS
from suppression.alarm import AlarmEvent
from suppression.calendar import Calendar
from tests.streams import START_MS, memory
from tests.tocsin.test_feed_alarm import BUDGET, KEYS, LEARNT, LONE, STEP, _learnt, hole, lone, noise, usual
from tocsin.clock import ManualClock
from tocsin.closing import LONGEST_S, Promise, Promises, QuietClock, write
from tocsin.daemon import Daemon, DaemonSettings
from tocsin.deliver import Manners, Receiver
from tocsin.engine import Engine
from tocsin.fork import fork
from tocsin.idle import IdleWatch
from tocsin.outcome import Outcome
from tocsin.quiet import Quiet
from tocsin.record_clock import RecordClock
from tocsin.recover import header_of

POLL_S = 20.0
Y = noise(100, len(KEYS))


class Record(NamedTuple):
    """One sample as it lies in the log."""

    record_ms: int
    key: Key
    time_ms: int
    value: float


def sent(gone: Callable[[int, int], bool], ticks: int = 60, delay: Callable[[int], int] = lambda t: t) -> list[Record]:
    """A log in which the samples of tick t arrive two seconds after the start of tick `delay(t)`."""
    records = [
        Record(START_MS + delay(t) * STEP + 2000, key, START_MS + t * STEP, float(Y[t, c]))
        for t in range(ticks) for c, key in enumerate(KEYS) if not gone(t, c)
    ]  # fmt: skip
    return sorted(records, key=lambda r: (r.record_ms, r.time_ms))


class Topic:
    """A broker in memory: what has arrived by the wall clock can be read, while it answers."""

    def __init__(self, logs: Mapping[str, Sequence[Record]], clock: ManualClock, until_ms: int, batch: int = 7) -> None:
        self.logs, self.clock, self.until_ms, self.batch = logs, clock, until_ms, batch
        self.down: tuple[int, int] = (0, 0)  # wall times between which it does not answer
        self.at: dict[str, int] = {}
        self.splits: Mapping[str, Collection[int]] = {}
        self.daemon: Daemon | None = None

    def open(self, positions: Mapping[str, int]) -> None:
        self.at = {name: positions.get(name, 0) for name in self.logs}

    def poll(self, timeout_s: float) -> list[Batch]:
        self.clock.advance(POLL_S)
        if self.clock.wall_ms() >= self.until_ms and self.daemon is not None:
            self.daemon.stop()
        if self._is_down():
            return []
        return [batch for name in self.logs if (batch := self._next(name)) is not None]

    def partitions(self) -> tuple[str, ...]:
        return tuple(sorted(self.logs))

    def is_finished(self) -> bool:
        return False

    def lag(self) -> Mapping[str, tuple[int, int | None]]:
        return {name: (self._end(name) - at, None) for name, at in self.at.items()}

    def identity(self) -> str:
        return "topic"

    def close(self) -> None:
        """Nothing is held."""

    def is_answering(self) -> bool:
        return not self._is_down()

    def is_caught_up(self) -> bool:
        return self.is_answering() and all(messages == 0 for messages, _ in self.lag().values())

    def split_at(self, offsets: Mapping[str, Collection[int]]) -> None:
        self.splits = offsets

    def _is_down(self) -> bool:
        return self.down[0] <= self.clock.wall_ms() < self.down[1]

    def _end(self, name: str) -> int:
        return sum(record.record_ms <= self.clock.wall_ms() for record in self.logs[name])

    def _next(self, name: str) -> Batch | None:
        first = self.at[name]
        end = min([self._end(name), first + self.batch, *(o for o in self.splits.get(name, ()) if o > first)])
        if end <= first:
            return None
        self.at[name] = end
        some = self.logs[name][first:end]
        record_ms = np.array([r.record_ms for r in some], np.int64)
        return Batch(
            name, [r.key for r in some], np.array([r.time_ms for r in some], np.int64),
            np.array([r.value for r in some]), record_ms, end, last_record_ms=int(record_ms[-1]),
        )  # fmt: skip


class Learnt:
    """Engines that begin after nine days of history."""

    def __init__(self) -> None:
        self.last: Engine | None = None

    def new(self) -> Engine:
        self.last = engine = Engine(LONE, BUDGET)
        engine.lanes[0].state = fork(_learnt(LONE, KEYS, usual, LEARNT)[1])
        engine.lanes[0].aligner.index = engine.lanes[0].state.index
        return engine

    def load(self, header: Any, arrays: Any) -> Engine:
        self.last = Engine.load(LONE, BUDGET, header, arrays)
        return self.last


class Clock(ManualClock):
    """Moves with the polls; threads that wait for it wait a moment of real time."""

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        return event.wait(0.002)


class Sink:
    """What was told."""

    name = "sink"

    def __init__(self) -> None:
        self.told: list[AlarmEvent] = []

    def send(self, events: Sequence[AlarmEvent]) -> None:
        self.told += events

    def close(self) -> None:
        """Nothing is held."""

    def kinds(self) -> list[tuple[str, str]]:
        return [(event.type, event.alarm_id) for event in self.told]


class Crash(Exception):
    """The process is killed."""


class Victim:
    """Notes when by the wall clock each transition was durable; dies at a tick."""

    def __init__(self, at_tick: int | None, clock: ManualClock) -> None:
        self.at_tick, self.clock = at_tick, clock
        self.closed: list[int] = []
        self.known: list[int] = []

    def on_outcome(self, outcome: Outcome, seconds: float | None = None) -> None:
        self.known += [(self.clock.wall_ms() - START_MS) // STEP for _ in outcome.events]
        self.closed.append((outcome.t_ms - START_MS) // STEP)
        if self.closed[-1] == self.at_tick:
            raise Crash


class Ran(NamedTuple):
    """What a run left."""

    engine: Engine
    sink: Sink
    closed: list[int]
    known: list[int]  # wall ticks at which transitions were durable
    kinds: list[str]  # of control records


def run(
    folder: Path, logs: Mapping[str, Sequence[Record]], until: int, *, first: int = 0, dies: int | None = None,
    down: tuple[int, int] = (0, 0), batch: int = 7, every: int = 10**9, after_s: float = STEP / 1000,
) -> Ran:  # fmt: skip
    """A daemon from wall tick `first` to `until`."""
    clock = Clock(START_MS + first * STEP)
    topic = Topic(logs, clock, START_MS + until * STEP, batch)
    topic.down = (START_MS + down[0] * STEP, START_MS + down[1] * STEP)
    sink, victim, engines = Sink(), Victim(dies, clock), Learnt()
    settings = DaemonSettings(
        folder, poll_s=0.0, ballast_bytes=0, idle_after_s=120.0, snapshot_every_s=10**9, snapshot_every_samples=every,
        watchdog_s=0, close_after_s=after_s, tick_ms=STEP, reload_every_s=0,
    )  # fmt: skip
    daemon = Daemon(
        settings, topic, engines, [Receiver(sink, Manners(notify_budget=None))],  # type: ignore[arg-type]
        parse_calendar=lambda _: Calendar(), parse_silences=lambda _: (), listeners=[victim], quiet=topic, clock=clock,
    )  # fmt: skip
    topic.daemon = daemon
    try:
        daemon.run()
    except Crash:
        assert dies is not None
    journal = Journal(folder / "journal.db")
    kinds = [record.kind for record in journal.controls()]
    journal.close()
    assert engines.last is not None
    return Ran(engines.last, sink, victim.closed, victim.known, kinds)


def one(records: Sequence[Record]) -> dict[str, Sequence[Record]]:
    return {"t/0": records}


def test_a_feed_that_stops_is_told_while_it_is_silent(tmp_path: Path) -> None:
    """Twenty ticks without a record: the alarm of a run that had them closed for it, told before they are over."""
    wanted = [(e.type, e.alarm_id) for e in lone(hole(20, 40), 60)]
    ran = run(tmp_path, one(sent(hole(20, 40))), 55)

    assert wanted == ran.sink.kinds()
    assert [23, 46] == ran.known
    assert sorted(set(ran.closed)) == ran.closed == list(range(54))
    assert {"close"} == set(ran.kinds)
    assert {("scored", "")} == set(ran.engine.fates["t/0"])


def test_nothing_is_told_where_our_clock_closes_nothing(tmp_path: Path) -> None:
    """As it was: the gap is found when the data are back."""
    ran = run(tmp_path, one(sent(hole(20, 40))), 55, after_s=0.0)

    assert [40, 46] == ran.known
    assert [] == ran.kinds


def test_what_comes_too_late_is_late(tmp_path: Path) -> None:
    """Producers kept five ticks back and send them at once: those that were closed are late, counted, in both runs."""
    log = one(sent(hole(0, 0), delay=lambda t: 26 if 20 <= t < 26 else t))
    ran = run(tmp_path, log, 50)
    late = ran.engine.fates["t/0"]["late", ""]
    (tmp_path / "again").mkdir()
    shutil.copy(tmp_path / "journal.db", tmp_path / "again")
    again = run(tmp_path / "again", log, 100, first=60, batch=1000)

    assert 3 * 4 <= late <= 3 * 6
    assert late == again.engine.fates["t/0"]["late", ""]


def test_a_broker_that_does_not_answer_makes_nothing_late(tmp_path: Path) -> None:
    """It is gone for ten ticks and has everything when it is back: no tick was closed without its samples."""
    ran = run(tmp_path, one(sent(hole(0, 0))), 50, down=(20, 30))

    assert [] == ran.kinds
    assert ran.sink.told == []
    assert {("scored", "")} == set(ran.engine.fates["t/0"])


def test_producers_that_waited_for_the_broker_are_not_late(tmp_path: Path) -> None:
    """The broker is gone, and so are they; they send a tick and a half after it is back."""
    log = one(sent(hole(0, 0), delay=lambda t: 31 if 20 <= t < 31 else t))
    ran = run(tmp_path, log, 50, down=(20, 30))

    assert {("scored", "")} == set(ran.engine.fates["t/0"])


def test_one_silent_partition_of_two_is_idle_and_the_other_goes_on(tmp_path: Path) -> None:
    """No promise is made while something comes; when it is back its samples are as late in a replay as they were."""
    records = sent(hole(0, 0), delay=lambda t: t)
    late = [r if not (r.key == KEYS[2] and 20 <= (r.time_ms - START_MS) // STEP < 30) else r._replace(
        record_ms=START_MS + 30 * STEP + 1000) for r in records]  # fmt: skip
    logs = {
        "t/0": [r for r in late if r.key != KEYS[2]],
        "t/1": sorted((r for r in late if r.key == KEYS[2]), key=lambda r: (r.record_ms, r.time_ms)),
    }
    ran = run(tmp_path, logs, 50)
    (tmp_path / "again").mkdir()
    shutil.copy(tmp_path / "journal.db", tmp_path / "again")
    again = run(tmp_path / "again", logs, 100, first=60, batch=1000)

    assert {"idle", "active", "close"} == set(ran.kinds)
    assert 0 < ran.engine.fates["t/1"]["late", ""] == again.engine.fates["t/1"]["late", ""]
    assert ("late", "") not in again.engine.fates["t/0"]


@pytest.mark.parametrize("every", [30, 10**9], ids=["from a snapshot", "from the beginning"])
@pytest.mark.parametrize("dies", [21, 24, 35])
def test_a_daemon_that_is_killed_in_the_gap_resumes_to_equal_alarms(tmp_path: Path, dies: int, every: int) -> None:
    """Before the alarm, after it, and late; nothing is told twice."""
    wanted = [(e.type, e.alarm_id) for e in lone(hole(20, 40), 60)]
    log = one(sent(hole(20, 40)))
    killed = run(tmp_path, log, 100, dies=dies, every=every)
    assert dies == killed.closed[-1]
    resumed = run(tmp_path, log, 55, first=dies + 2, every=every)
    replayed = tmp_path / "again"
    replayed.mkdir()
    shutil.copy(tmp_path / "journal.db", replayed)
    again = run(replayed, log, 55, first=54, batch=1000)

    assert wanted == list(dict.fromkeys(killed.sink.kinds() + resumed.sink.kinds()))
    assert len(wanted) == len(killed.sink.kinds()) + len(resumed.sink.kinds())
    assert [] == again.sink.told
    assert state(resumed) == state(again)


def test_a_header_of_a_snapshot_does_not_move_while_it_is_written(tmp_path: Path) -> None:
    """Pauses, positions and ticks go on in the daemon's thread; the writer must not find a dictionary that grows."""
    pauses, ticks = {"p0": [1.0] * 16}, {"a": 1}
    journal = Journal(tmp_path / "journal.db")
    header = header_of(Engine(LONE, BUDGET), {}, journal, "log", ticks, frozenset(), pauses)
    journal.close()
    pauses["p1"], ticks["b"] = [0.0] * 16, 2

    assert {"p0": [1.0] * 16} == header["pauses"]
    assert {"a": 1} == header["ticks"]


def state(ran: Ran) -> dict[str, Any]:
    """All memory of the lane, and what became of samples."""
    found = memory(ran.engine)
    return {name: value for name, value in found.items() if name != "header"} | {
        name: found["header"][name] for name in ("clocks", "fates", "positions", "lanes")
    }


def at(seconds: float) -> Batch:
    record_ms = np.array([int(1000 * seconds)], np.int64)
    return Batch("t/0", [("m", "d")], record_ms, np.ones(1), record_ms, 1)


def test_producers_that_pause_every_quarter_of_an_hour_are_not_silent() -> None:
    """Three such pauses are usual: silence begins beyond them, at the next power of two."""
    clock = QuietClock(180, MINUTE_MS, 0.0)
    for quarter in range(5):
        clock.note(at(900 * quarter), 900.0 * quarter)
    marks = {"t/0": 0}

    assert {} == clock.promises(marks, ["t/0"], 3600 + 900)
    assert {"t/0": 961_000} == clock.promises(marks, ["t/0"], 3600 + 961)


def test_event_time_goes_on_with_our_clock_alone() -> None:
    """A tick a time; not before the silence is long enough, not for ever, not after we could not hear."""
    clock = QuietClock(180, MINUTE_MS, 0.0)
    clock.note(at(0), 0.0)
    marks = {"t/0": 10 * MINUTE_MS}

    assert {} == clock.promises(marks, ["t/0"], 179.0)
    assert {"t/0": 13 * MINUTE_MS} == clock.promises(marks, ["t/0"], 180.0)
    assert {} == clock.promises({"t/0": 13 * MINUTE_MS}, ["t/0"], 239.0)
    assert {"t/0": 14 * MINUTE_MS} == clock.promises({"t/0": 13 * MINUTE_MS}, ["t/0"], 240.0)
    assert {} == clock.promises(marks, ["t/0", "t/1"], 300.0)  # of the other nothing is known
    assert {} == clock.promises(marks, [], 300.0)
    assert {} == clock.promises(marks, ["t/0"], LONGEST_S + 1)
    clock.blind(400.0)
    assert {} == clock.promises({"t/0": 14 * MINUTE_MS}, ["t/0"], 579.0)
    assert {"t/0": 17 * MINUTE_MS} == clock.promises({"t/0": 14 * MINUTE_MS}, ["t/0"], 580.0)


def test_promises_wait_for_their_position(tmp_path: Path) -> None:
    """In the order of positions, each once."""
    journal = Journal(tmp_path / "journal.db")
    for position, until in ((5, 100), (5, 200), (9, 300)):
        journal.append_control("close", write({"t/0": Promise(position, until)}, 1), "", 0, 0)
    promises = Promises(journal.controls())
    journal.close()

    assert {"t/0": frozenset({5, 9})} == promises.offsets()
    assert [None, 200, None, 300, None] == [promises.due("t/0", at) for at in (4, 5, 8, 9, 100)]


class Says:
    """A source of which only what it says matters."""

    def __init__(self, answering: bool, caught_up: bool) -> None:
        self.answering, self.caught_up = answering, caught_up

    def is_answering(self) -> bool:
        return self.answering

    def is_caught_up(self) -> bool:
        return self.caught_up

    def split_at(self, offsets: Mapping[str, Collection[int]]) -> None:
        """Nothing is read."""


@pytest.mark.parametrize(
    ("answering", "caught_up", "left", "idle", "promised"),
    [(True, False, 9, ["t/1"], []), (False, False, 0, [], []), (True, True, 0, [], ["t/0", "t/1"])],
    ids=["catching up", "gone", "silent"],
)
def test_who_is_silent_while_others_catch_up_is_idle(
    answering: bool, caught_up: bool, left: int, idle: list[str], promised: list[str]
) -> None:
    """Or ticks would pile up behind it; nothing is promised then, and nothing at all while the brokers are gone."""
    engine = Engine(LONE, BUDGET)
    engine.expect(frozenset({"t/0", "t/1"}))
    quiet = Quiet(
        Says(answering, caught_up), engine, RecordClock(), [], QuietClock(180, MINUTE_MS, 0.0), IdleWatch(120, 0.0)
    )
    for name in ("t/0", "t/1"):
        batch = replace(at(0), partition=name, keys=[KEYS[0]])
        engine.take(batch)
        quiet.note(batch, 0.0)
    lag: dict[str, tuple[int, int | None]] = {"t/0": (left, None), "t/1": (0, None)}
    quiet.look(lag, {"t/0", "t/1"}, set(), set(), 1.0)
    found = quiet.look(lag, {"t/0", "t/1"}, set(), set(), 600.0)

    assert (idle, promised) == (found[0], sorted(found[1]))
