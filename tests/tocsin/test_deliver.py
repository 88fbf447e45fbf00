"""Deliveries: order, retries, giving up, storms, news that came too late; all by a clock that moves when told."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from connectors.journal import Journal
from connectors.outbox import Outbox
from connectors.sink import SinkError
from suppression.alarm import AlarmEvent
from tests.tocsin.toy import ToySink
from tocsin.clock import ManualClock, SteadyClock
from tocsin.deliver import Manners, Postman, Receiver

DAY_S = 86_400.0
PLAIN = Manners(notify_budget=None)


class Bench:
    """One journal, one receiver, one clock."""

    def __init__(self, tmp_path: Path, sink: ToySink, manners: Manners = PLAIN) -> None:
        self.clock = ManualClock()
        self.steady = SteadyClock(self.clock)
        self.sink = sink
        self.caught_up = True
        self.journal = Journal(tmp_path / "journal.db", [sink.name])
        self.postman = self.new_postman(manners)
        self.outbox = Outbox(self.journal.path, sink.name)

    def new_postman(self, manners: Manners) -> Postman:
        return Postman(
            self.journal.path, Receiver(self.sink, manners), self.clock, self.steady,
            is_caught_up=lambda: self.caught_up, dice=random.Random(1),
        )  # fmt: skip

    def emit(self, *events: AlarmEvent, age_s: float = 0.0) -> None:
        now = self.steady.ms()
        self.journal.commit("60000", 0, events, record_ms=now - round(age_s * 1000), now_ms=now)

    def run(self, seconds: float) -> int:
        """Works for so long; returns the number of attempts at the sink."""
        before, until = self.sink.attempts, self.clock.monotonic_s() + seconds
        while self.clock.monotonic_s() < until:
            wait = self.postman.work()
            self.clock.advance(min(wait, 1.0) if wait > 0 else 1e-6)
        return self.sink.attempts - before


def event(alarm: str, revision: int, kind: str = "fired") -> AlarmEvent:
    state = "resolved" if kind == "resolved" else "firing"
    data = {"alarm_id": alarm, "series": {"metric": "requests", "region": f"r{len(alarm)}"}}
    return AlarmEvent(kind, 60_000, alarm, revision, state, "warning", None, True, data)  # type: ignore[arg-type]


def down(times: int) -> list[SinkError]:
    return [SinkError("connection refused")] * times


def test_a_receiver_that_comes_back_gets_everything_in_order(tmp_path: Path) -> None:
    """F30: ten minutes down: nothing lost, no revision overtaken, few attempts while down."""
    bench = Bench(tmp_path, ToySink(failures=down(10_000)))
    bench.emit(event("A", 1), event("B", 1))
    bench.emit(event("A", 2, "resolved"))

    attempts = bench.run(600)
    bench.sink.failures.clear()
    bench.run(120)

    assert attempts <= 60
    assert sorted(bench.sink.ids) == ["A/1", "A/2", "B/1"]
    assert bench.sink.ids.index("A/1") < bench.sink.ids.index("A/2")


def test_the_first_minute_of_an_outage_sees_at_most_sixty_attempts(tmp_path: Path) -> None:
    """Full jitter, but no hammering, even with many alarms waiting."""
    bench = Bench(tmp_path, ToySink(failures=down(10_000)))
    bench.emit(*(event(f"A{n}", 1) for n in range(200)))

    assert bench.run(60) <= 60


def test_updates_that_wait_behind_a_failure_collapse_into_the_last(tmp_path: Path) -> None:
    """F33: fired and resolved are both told, stale updates in between are not."""
    bench = Bench(tmp_path, ToySink())
    bench.emit(event("A", 1))
    bench.run(1)
    bench.sink.failures = down(1)
    bench.emit(event("A", 2, "updated"), event("A", 3, "updated"))
    bench.postman.work()
    bench.emit(event("A", 4, "resolved"))
    bench.run(120)

    assert bench.sink.ids == ["A/1", "A/3", "A/4"]


def test_a_permanent_refusal_is_dead_lettered_at_once_and_the_rest_goes_on(tmp_path: Path) -> None:
    """A 400 is not tried again; the other alarms are told in the same second."""
    bench = Bench(tmp_path, ToySink(failures=[SinkError("400 Bad Request", permanent=True, reason="rejected")]))
    bench.emit(event("A", 1), event("B", 1))

    bench.run(1)

    assert bench.sink.ids == ["B/1"]
    assert bench.outbox.counts() == {"dead": 1, "sent": 1}


def test_a_refused_batch_is_taken_apart(tmp_path: Path) -> None:
    """One bad event of a batch is dead-lettered alone."""

    class Picky(ToySink):
        def send(self, events):  # type: ignore[no-untyped-def]
            self.attempts += 1
            if any(event.alarm_id == "B" for event in events):
                raise SinkError("no B", permanent=True, reason="rejected")
            self.events.extend(events)

    bench = Bench(tmp_path, Picky(), Manners(batch=10, notify_budget=None))
    bench.emit(event("A", 1), event("B", 1), event("C", 1))

    bench.run(1)

    assert bench.sink.ids == ["A/1", "C/1"]
    assert bench.outbox.counts() == {"dead": 1, "sent": 2}


def test_after_a_day_of_trying_an_event_is_given_up_visibly(tmp_path: Path) -> None:
    """P2: `max_age`, then the dead-letter list."""
    bench = Bench(tmp_path, ToySink(failures=down(100_000)))
    bench.emit(event("A", 1))
    bench.postman.work()
    bench.clock.advance(DAY_S + 61)

    bench.run(1)

    assert bench.outbox.counts() == {"dead": 1}


@pytest.mark.parametrize("step_s", [-7 * DAY_S, 7 * DAY_S])
def test_a_stepped_wall_clock_neither_delays_nor_drops(tmp_path: Path, step_s: float) -> None:
    """F58: the wall clock jumps a week either way while a delivery waits; it goes out when the receiver is back."""
    bench = Bench(tmp_path, ToySink(failures=down(1)))
    bench.emit(event("A", 1))
    bench.postman.work()
    bench.clock.step_wall(bench.clock.wall_ms() + round(step_s * 1000))

    bench.run(5)

    assert bench.sink.ids == ["A/1"]


def test_news_of_our_absence_that_is_over_is_recorded_and_not_paged(tmp_path: Path) -> None:
    """P19: began and ended meanwhile: nobody is told; still on: one page with the newest revision."""
    bench = Bench(tmp_path, ToySink())
    bench.caught_up = False
    bench.emit(event("A", 1), event("B", 1), age_s=3600)
    bench.emit(event("B", 2, "updated"), age_s=3000)
    bench.run(10)
    early = list(bench.sink.ids)
    bench.emit(event("A", 2, "resolved"), age_s=1800)
    bench.caught_up = True

    bench.run(10)

    assert early == []
    assert bench.sink.ids == ["B/2"]
    assert bench.outbox.counts() == {"expired": 2, "sent": 1, "superseded": 1}


def test_an_old_alarm_that_was_told_before_is_closed_too(tmp_path: Path) -> None:
    """It fired before we went down and ended meanwhile: the receiver hears the end."""
    bench = Bench(tmp_path, ToySink())
    bench.emit(event("A", 1))
    bench.run(1)
    bench.emit(event("A", 2, "resolved"), age_s=7200)

    bench.run(1)

    assert bench.sink.ids == ["A/1", "A/2"]


def test_a_storm_is_thirty_pages_a_minute_and_then_one_line(tmp_path: Path) -> None:
    """P18: 500 alarms at once: the budget, then a summary that counts the rest; every transition ends somewhere."""
    bench = Bench(tmp_path, ToySink(), Manners(notify_budget=30))
    bench.emit(*(event(f"A{n:03d}", 1) for n in range(500)))

    bench.run(60)

    singles = [e for e in bench.sink.events if "storm" not in e.data]
    storms = [e for e in bench.sink.events if "storm" in e.data]
    assert 30 <= len(singles) <= 61
    assert len(storms) == 1
    assert len(singles) + storms[0].data["storm"]["changes"] == 500
    assert storms[0].data["summary"].startswith(f"{500 - len(singles)} more changes of")
    assert bench.outbox.counts().get("pending", 0) == 0


def test_the_end_of_an_alarm_that_was_only_summarised_is_not_told_alone(tmp_path: Path) -> None:
    """A resolve without a fire would puzzle; one of an alarm that was told alone waits for a token."""
    bench = Bench(tmp_path, ToySink(), Manners(notify_budget=2))
    bench.emit(*(event(f"A{n}", 1) for n in range(8)))
    bench.run(30)
    bench.emit(*(event(f"A{n}", 2, "resolved") for n in range(8)))

    bench.run(600)

    told = {e.alarm_id for e in bench.sink.events if e.type == "fired"}
    ended = {e.alarm_id for e in bench.sink.events if e.type == "resolved"}
    assert told == ended
    assert 2 <= len(told) < 8


def test_an_unmarkable_delivery_is_not_sent_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F24: the disk is full when the mark is to be written; the receiver has it once."""
    from detector.errors import StorageError

    bench = Bench(tmp_path, ToySink())
    bench.emit(event("A", 1))
    real, broken = Outbox.done, [True]

    def done(self: Outbox, *arguments: object) -> None:
        if broken[0]:
            raise StorageError("disk full")
        real(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Outbox, "done", done)
    for _ in range(3):
        with pytest.raises(StorageError):
            bench.postman.work()
    broken[0] = False
    bench.run(1)

    assert bench.sink.ids == ["A/1"]
    assert bench.outbox.counts() == {"sent": 1}


def test_a_crash_between_send_and_mark_repeats_the_same_id(tmp_path: Path) -> None:
    """R4: the only source of duplicates; another process finds the row pending and sends an equal event."""
    bench = Bench(tmp_path, ToySink())
    bench.emit(event("A", 1))
    bench.postman._mark = lambda seqs: None  # type: ignore[method-assign]  # dies before it can mark
    bench.postman.work()

    bench.new_postman(PLAIN).work()

    assert bench.sink.ids == ["A/1", "A/1"]
    assert bench.sink.events[0] == bench.sink.events[1]


def test_a_sink_that_breaks_its_contract_is_tried_again(tmp_path: Path) -> None:
    """An unexpected exception is counted and logged, and never kills the thread."""

    class Broken(ToySink):
        def send(self, events):  # type: ignore[no-untyped-def]
            self.attempts += 1
            if self.attempts == 1:
                raise KeyError("oops")
            self.events.extend(events)

    bench = Bench(tmp_path, Broken())
    bench.emit(event("A", 1))

    bench.run(10)

    assert bench.sink.ids == ["A/1"]
