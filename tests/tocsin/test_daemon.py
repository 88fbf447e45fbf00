"""The daemon: the order of a cycle, what a restart does, what stops it, what it says about itself."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from connectors.journal import Journal
from detector.errors import ConfigError, RefusedError
from detector.frame import Batch
from suppression.calendar import Calendar, Scope
from suppression.silence import Silence
from tests.tocsin.toy import MINUTE, START, FileSink, ToyEngines, ToySink, ToySource, script
from tocsin.clock import ManualClock
from tocsin.controls_log import Files
from tocsin.daemon import Daemon, DaemonSettings
from tocsin.deliver import Manners, Receiver
from tocsin.lock import DataDirLock
from tocsin.outcome import Outcome
from tocsin.reload import WatchedFiles

ALL = Manners(notify_budget=None, max_alarm_age_ms=None)


def parse_calendar(files: Files) -> Calendar:
    return Calendar()


def parse_silences(files: Files) -> tuple[Silence, ...]:
    """A toy syntax: JSON list of devices."""
    found = []
    for name, text in files.items():
        try:
            devices = json.loads(text)
        except ValueError as error:
            raise ConfigError(f"{name}:1:1: expected a JSON list: {error}") from error
        found += [Silence(d, Scope({"device": (d,)}, {}), 0, 2**60, "ann", "test") for d in devices]
    return tuple(found)


class Heard:
    """A listener that keeps the ticks, and whether each event was durable when it was published."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ticks: list[int] = []
        self.undurable: list[str] = []

    def on_outcome(self, outcome: Outcome, seconds: float | None = None) -> None:
        self.ticks.append(outcome.t_ms)
        if outcome.events:
            reader = Journal(self.path)
            self.undurable += [event.id for event in outcome.events if not reader.is_known(event)]
            reader.close()


def make(tmp_path: Path, source: ToySource, sink: ToySink | FileSink, **more: object) -> Daemon:
    engines = more.pop("engines", None) or ToyEngines()
    manners = more.pop("manners", ALL)
    settings = DaemonSettings(
        tmp_path, poll_s=0.0, ballast_bytes=0, idle_after_s=more.pop("idle_after_s", 0),  # type: ignore[arg-type]
        snapshot_every_samples=more.pop("every", 50), watchdog_s=0,  # type: ignore[arg-type]
    )  # fmt: skip
    return Daemon(
        settings, source, engines, [Receiver(sink, manners)],  # type: ignore[arg-type]
        parse_calendar=parse_calendar, parse_silences=parse_silences, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def world(minutes: int = 120) -> dict[str, list[dict[str, float]]]:
    return {"t/0": script(minutes, ["tv", "ios"], 1), "t/1": script(minutes, ["web"], 2)}


def test_everything_told_is_delivered_in_order_and_run_once_ends_with_zero(tmp_path: Path) -> None:
    """A finished source is judged to its end, every told event reaches the receiver, revisions never go back."""
    sink = ToySink()

    code = make(tmp_path, ToySource(world()), sink).run(once=True)

    revisions: dict[str, list[int]] = {}
    for event in sink.events:
        revisions.setdefault(event.alarm_id, []).append(event.revision)
    assert code == 0
    assert len(sink.events) > 20
    assert all(sorted(r) == r for r in revisions.values())
    assert len(set(sink.ids)) == len(sink.ids)


def test_batch_size_changes_no_transition(tmp_path: Path) -> None:
    """The same log in other batches gives the same ids in the same order."""
    one, other = ToySink(), ToySink()

    make(tmp_path / "a", ToySource(world(), batch=1), one).run(once=True)
    make(tmp_path / "b", ToySource(world(), batch=17), other).run(once=True)

    assert sorted(one.ids) == sorted(other.ids)


def test_an_outcome_is_published_after_its_events_are_durable(tmp_path: Path) -> None:
    """Listeners never see an event that a crash could still take back."""
    heard = Heard(tmp_path / "journal.db")

    make(tmp_path, ToySource(world()), ToySink(), listeners=[heard]).run(once=True)

    assert heard.undurable == []
    assert sorted(heard.ticks) == heard.ticks


def test_a_second_start_goes_on_from_the_snapshot_and_tells_nothing_again(tmp_path: Path) -> None:
    """After a clean end the positions are those of the end, and no event is emitted twice."""
    make(tmp_path, ToySource(world()), ToySink()).run(once=True)
    again, source = ToySink(), ToySource(world())

    make(tmp_path, source, again).run(once=True)

    assert source.opened_at == {"t/0": 121, "t/1": 121}
    assert again.events == []


def test_without_snapshots_the_replay_is_silent_up_to_the_emit_watermark(tmp_path: Path) -> None:
    """All state is lost, the journal is kept: the log is read again and nobody hears of it (F26b)."""
    first = ToySink()
    make(tmp_path, ToySource(world()), first).run(once=True)
    for path in (tmp_path / "snapshots").iterdir():
        path.write_bytes(b"rubbish")
    again, engines = ToySink(), ToyEngines()

    daemon = make(tmp_path, ToySource(world()), again, engines=engines)
    daemon.run(once=True)

    assert again.events == []
    assert daemon.status().snapshot.fallbacks == 3 or daemon.status().snapshot.fallbacks > 0
    assert daemon.status().replay_mismatches == 0
    assert engines.made[-1].positions == {"t/0": 121, "t/1": 121}


def test_changed_parameters_rebuild_quietly(tmp_path: Path) -> None:
    """A snapshot of other parameters is not used, and is no fallback either."""
    make(tmp_path, ToySource(world()), ToySink()).run(once=True)
    again, source = ToySink(), ToySource(world())

    daemon = make(tmp_path, source, again, engines=ToyEngines("b"))
    daemon.run(once=True)

    assert source.opened_at == {}
    assert again.events == []
    assert daemon.status().snapshot.fallbacks == 0


def test_a_lost_journal_gets_its_open_alarms_from_the_snapshot(tmp_path: Path) -> None:
    """F26c: the journal is deleted, the snapshot kept; alarms that are still on are there again."""
    dip = {"t/0": [{"tv": 100.0}] * 5 + [{"tv": 30.0}] * 30}
    make(tmp_path, ToySource(dip), ToySink()).run(once=True)
    for path in tmp_path.glob("journal.db*"):
        path.unlink()

    make(tmp_path, ToySource(dip), ToySink()).run(once=True)

    journal = Journal(tmp_path / "journal.db")
    assert [("firing", True)] == [(alarm.state, alarm.told) for alarm in journal.open_alarms()]
    journal.close()


def test_a_second_process_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    """F67: one data directory, one process; exit code 4."""
    import os

    lock = DataDirLock(tmp_path)

    with pytest.raises(RefusedError, match=f"in use by process {os.getpid()}") as caught:
        make(tmp_path, ToySource(world()), ToySink()).run(once=True)

    lock.release()
    assert caught.value.exit_code == 4


def test_a_silence_applies_from_the_next_tick_and_replays_at_the_same_place(tmp_path: Path) -> None:
    """A file that is valid when read holds what it matches; a rebuild from the log comes to the same transitions."""
    silences = tmp_path / "silences.json"
    silences.write_text('["tv"]')
    watched = [WatchedFiles("silences", (str(silences),), parse_silences)]
    make(tmp_path, ToySource(world()), first := ToySink(), watched=watched).run(once=True)
    for path in (tmp_path / "snapshots").iterdir():
        path.unlink()
    silences.write_text("[]")

    daemon = make(tmp_path, ToySource(world()), again := ToySink(), watched=watched)
    daemon.run(once=True)

    assert {"ios", "web"} == {event.data["series"]["device"] for event in first.events}
    assert daemon.status().replay_mismatches == 0
    assert again.events == []


def test_a_broken_file_keeps_the_last_good_one_over_a_restart(tmp_path: Path) -> None:
    """F50: half a file at the start: what was last in force stays, and the status says so."""
    silences = tmp_path / "silences.json"
    silences.write_text('["tv", "ios", "web"]')
    watched = [WatchedFiles("silences", (str(silences),), parse_silences)]
    half = {name: rows[:60] for name, rows in world().items()}
    make(tmp_path, ToySource(half, ends=False), ToySink(), watched=watched, clock=None)
    daemon = make(tmp_path, ToySource(half), ToySink(), watched=watched)
    daemon.run(once=True)
    silences.write_text('["tv", ')

    again = make(tmp_path, ToySource(world()), sink := ToySink(), watched=watched)
    again.run(once=True)

    assert sink.events == []
    assert not again.status().files["silences"].is_good
    assert "silences.json:1:1" in str(again.reload()[0])


class PolledClock(ManualClock):
    """Moves a second a poll; threads that wait for it wait a moment of real time."""

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        return event.wait(0.005)


class PolledSource(ToySource):
    clock: PolledClock

    def poll(self, timeout_s: float) -> list[Batch]:
        self.clock.advance(1.0)
        return super().poll(timeout_s)


def test_a_silent_partition_does_not_hold_the_others_for_ever(tmp_path: Path) -> None:
    """A partition without a single record: after two minutes of silence it is idle, and the decision is journalled."""
    source = PolledSource({"t/0": world()["t/0"], "t/1": []}, ends=False)
    source.clock = PolledClock()
    heard = Heard(tmp_path / "journal.db")

    class StopAfter:
        def on_outcome(self, outcome: Outcome, seconds: float | None = None) -> None:
            if outcome.t_ms >= START + 100 * MINUTE:
                daemon.stop()

    daemon = make(
        tmp_path, source, ToySink(), idle_after_s=120.0, clock=source.clock, listeners=[heard, StopAfter()]
    )  # fmt: skip
    code = daemon.run()

    journal = Journal(tmp_path / "journal.db")
    controls = [(c.kind, c.text, c.tick_ms) for c in journal.controls()]
    journal.close()
    assert code == 0
    assert len(heard.ticks) >= 100
    assert controls == [("idle", "t/1", 0)]


def test_many_closed_ticks_do_not_keep_snapshots_waiting(tmp_path: Path) -> None:
    """One poll brings two thousand ticks: the loop looks around between them, and a stop finds it soon."""
    source = ToySource({"t/0": script(2000, ["tv"], 1)}, batch=5000)
    clock = PolledClock()

    class Slow:
        def on_outcome(self, outcome: Outcome, seconds: float | None = None) -> None:
            clock.advance(0.1)
            if outcome.t_ms >= START + 1000 * MINUTE:
                daemon.stop()

    daemon = make(tmp_path, source, ToySink(), clock=clock, listeners=[Slow()], every=10**9)
    daemon.run()
    again = ToySource({"t/0": script(2000, ["tv"], 1)}, batch=5000)
    make(tmp_path, again, ToySink()).run(once=True)

    assert daemon.status().snapshot.last_success_ms is not None
    assert again.opened_at == {"t/0": 2001}
    assert len(list((tmp_path / "snapshots").iterdir())) == 3


def test_stop_drains_and_leaves_a_snapshot_of_the_last_tick(tmp_path: Path) -> None:
    """SIGTERM's way out: exit 0, positions of what was taken, told events delivered."""
    is_far = threading.Event()

    class Far:
        def on_outcome(self, outcome: Outcome, seconds: float | None = None) -> None:
            if outcome.t_ms >= START + 200 * MINUTE:
                is_far.set()

    sink = ToySink()
    daemon = make(tmp_path, ToySource(world(2000), ends=False, delays_s=0.001), sink, listeners=[Far()], every=10**9)
    thread = threading.Thread(target=lambda: codes.append(daemon.run()))
    codes: list[int] = []
    thread.start()
    is_far.wait(60)
    daemon.stop()
    thread.join(20)

    journal = Journal(tmp_path / "journal.db", ["memory"])
    waiting = journal.pending_deliveries()
    journal.close()
    source = ToySource(world(2000))
    make(tmp_path, source, again := ToySink()).run(once=True)
    assert codes == [0]
    assert waiting == 0
    assert source.opened_at["t/0"] >= 200
    assert set(sink.ids).isdisjoint(again.ids)
