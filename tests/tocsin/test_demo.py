"""The demo: verdicts for the situations that they belong to, and the whole of it at full speed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connectors.simulation.demo import demo_world
from suppression.alarm import AlarmEvent
from suppression.body import iso
from suppression.reasons import Reason
from tests.tocsin.toy import ToyIndex
from tocsin.demo import Situation, Verdict, Watcher, last_end_ms, situations
from tocsin.outcome import Outcome

ROOT = Path(__file__).parents[2]
WEEK_MS = 7 * 86_400_000
NOW = 1_795_256_880_000  # a Saturday
DEMO = demo_world(last_end_ms(NOW), days=1)
EVERY = situations(DEMO)


def event(
    kind: str, start_ms: int, cuboid: dict[str, str], reason: Reason | None = None, *, up: bool = False
) -> AlarmEvent:  # fmt: skip
    data: dict[str, Any] = {
        "cuboid": {"present": cuboid}, "direction": "up" if up else "down", "starts_at": iso(start_ms),
        "summary": f"requests on {cuboid}",
        "suppression": {"reasons": [{"reason": reason, "by": "x"}]} if reason else None,
    }  # fmt: skip
    return AlarmEvent(kind, start_ms, "A", 1, "held", "warning", None, reason is None, data)  # type: ignore[arg-type]


def heard(*events: AlarmEvent, end_ms: int = 2**60) -> tuple[Watcher, list[Verdict]]:
    told: list[Verdict] = []
    watcher = Watcher(EVERY, end_ms, told.append)
    nothing = np.zeros(1, np.float32)
    for one in events:
        watcher.on_outcome(
            Outcome(one.tick_ms, 60_000, ToyIndex(["tv"]), (one,), *[nothing] * 5, np.zeros(1, np.int8))  # type: ignore[arg-type]
        )
    return watcher, told


def of(name: str) -> Situation:
    return next(situation for situation in EVERY if situation.name == name)


def cuboid_of(name: str) -> dict[str, str]:
    return {label: values[0] for label, values in of(name).where.items()}


@pytest.mark.parametrize("name", ["match", "sunny", "news", "failure"])
def test_the_awaited_verdict_is_told_in_the_situations_words(name: str) -> None:
    """Held for the right reason, or raised, where and when it happens."""
    situation = of(name)
    kind = "fired" if situation.reason is None else "held"

    watcher, told = heard(event(kind, situation.from_ms, cuboid_of(name), situation.reason))

    assert [name] == list(watcher.fallen)
    assert [situation.words] == [verdict.words for verdict in told]


@pytest.mark.parametrize(
    "wrong",
    [
        event("held", of("match").from_ms, {"region": "na-2"}, "calendar"),
        event("held", of("match").from_ms - 3_600_000, cuboid_of("match"), "calendar"),
        event("held", of("match").until_ms + 3_600_000, cuboid_of("match"), "calendar"),
        event("held", of("match").from_ms, cuboid_of("match"), "low_impact"),
        event("fired", of("match").from_ms, cuboid_of("match")),
        event("held", of("match").from_ms, cuboid_of("match"), "calendar", up=True),
        event("fired", of("failure").from_ms, {"device": "tv-2"}),
    ],
    ids=["elsewhere", "before", "after", "another reason", "raised", "the other way", "all regions"],
)
def test_no_other_verdict_counts(wrong: AlarmEvent) -> None:
    """It is told, in plain words, and the situation goes on waiting."""
    watcher, told = heard(wrong)

    assert {} == watcher.fallen
    assert 1 == len(told)


def test_a_candidate_held_again_for_the_same_reasons_is_told_once() -> None:
    """The terminal has one line a verdict; a new reason is a new line."""
    again = [event("held", of("news").from_ms, {"region": "eu-3"}, reason) for reason in ("stack", "stack", "calendar")]

    assert 2 == len(heard(*again)[1])  # type: ignore[arg-type]


def test_the_end_is_noticed_with_the_last_tick() -> None:
    """The summary comes when the last of the ten hours has been judged, not before."""
    ends: list[str] = []
    watcher = Watcher(EVERY, DEMO.world.parameters.end_ms, lambda verdict: None, lambda: ends.append("end"))
    nothing = np.zeros(1, np.float32)

    for before_end in (120_000, 60_000):
        t_ms = DEMO.world.parameters.end_ms - before_end
        watcher.on_outcome(Outcome(t_ms, 60_000, ToyIndex(["tv"]), (), *[nothing] * 5, np.zeros(1, np.int8)))  # type: ignore[arg-type]
        assert ([] if before_end == 120_000 else ["end"]) == ends


def test_the_demo_ends_in_the_past_week_on_the_worlds_own_clock() -> None:
    """Whenever it is run: at the same minute of the week, at most a week ago, never ahead of now."""
    ends = {now: last_end_ms(now) for now in range(NOW, NOW + WEEK_MS, 12_345_678)}

    assert all(0 <= now - end < WEEK_MS for now, end in ends.items())
    assert {"2026-11-18T22:00:00Z", "2026-11-25T22:00:00Z"} == {iso(end) for end in ends.values()}
    assert 0 == (DEMO.world.parameters.start_ms // 60_000 - 5760) % 10_080 - (DEMO.world.parameters.clock_minute or 0)


@pytest.mark.slow
def test_the_four_verdicts_fall() -> None:
    """The demo itself, as fast as it can: exit code 0 without a terminal, a line for each verdict, and a summary."""
    done = subprocess.run(
        [sys.executable, "-m", "tocsin.cli", "demo", "--speed", "1000000", "--port", "0"],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip

    assert [] == [s.words for s in EVERY if f"{s.words}: " not in done.stdout], done.stdout
    assert "Inbox: http://127.0.0.1:" in done.stdout
    assert "learning 28 days: 100 %" in done.stderr
    assert 0 == done.returncode, done.stdout + done.stderr
