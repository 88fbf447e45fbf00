"""The demo: four weeks learnt, ten hours played through the real daemon, each verdict told as it falls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from connectors.simulation.demo import FAILED, LIVE_CLOCK, LIVE_HOURS, NEWS_REGION, SUNNY_REGION, Demo
from connectors.simulation.truth import Event
from connectors.simulation.world import World
from detector.schema import MINUTE_MS
from detector.timing import DAY_MS, WEEK_MS
from suppression.alarm import AlarmEvent
from suppression.calendar import Calendar
from suppression.reasons import Reason
from tocsin.engine import Engine
from tocsin.outcome import Outcome
from tocsin.parameters import Parameters
from tocsin.ports import Arrays, Header
from tocsin.warmup import warm_up

QUIET_MS = 4 * DAY_MS  # the end of the history that is stepped through
BUDGET = 3.0  # false pages a week that the demo's service may have
EARLY_MS, LATE_MS = 10 * MINUTE_MS, 60 * MINUTE_MS  # a verdict belongs to a situation from its start to an hour after
Labels = Mapping[str, tuple[str, ...]]


def last_end_ms(now_ms: int) -> int:
    """The latest end, not after now, at which the world's clock and the calendar's weekdays agree.

    What is learnt depends on weekdays; so the demo is the same whenever it is run, at the price of a date in the past.
    """
    end_minute = LIVE_CLOCK + LIVE_HOURS * 60  # of the week, from Monday 00:00 UTC
    offset_ms = end_minute * MINUTE_MS - 3 * DAY_MS  # the epoch was a Thursday
    return (now_ms - offset_ms) // WEEK_MS * WEEK_MS + offset_ms


class Situation(NamedTuple):
    """What happens, where and when, and the verdict that is wanted; `reason` None: it must be raised."""

    name: str
    words: str
    reason: Reason | None
    where: Labels
    from_ms: int
    until_ms: int

    def covers(self, start_ms: int, cuboid: Mapping[str, str]) -> bool:
        """Does a candidate of this cuboid, started then, come from this situation?"""
        is_then = self.from_ms - EARLY_MS <= start_ms < self.until_ms + LATE_MS
        return is_then and all(cuboid.get(name) in values for name, values in self.where.items())


class Verdict(NamedTuple):
    """One line for the terminal. `situation` is set when this is the verdict that a situation was waiting for."""

    t_ms: int
    kind: str  # HELD, RAISED, released, wider, resolved
    words: str
    summary: str
    reasons: tuple[str, ...]
    situation: str | None


def situations(demo: Demo) -> tuple[Situation, ...]:
    """The four of the script; the failure is on one device in one region, while the match is on."""

    def held(name: str, words: str, reason: Reason, event: Event, regions: tuple[str, ...]) -> Situation:
        return Situation(name, words, reason, {"region": regions}, event.start_ms, event.end_ms)

    failure = demo.failure
    return (
        held("match", "planned event explained", "calendar", demo.match, demo.match.regions),
        held("sunny", "sunny weather declined", "low_impact", demo.sunny, (SUNNY_REGION,)),
        held("news", "breaking news held, other stack moved", "stack", demo.news, (NEWS_REGION,)),
        Situation("failure", "real failure RAISED", None, dict(FAILED), failure.start_ms, failure.end_ms),
    )


GENERIC = {
    "calendar": "held, a planned event explains it",
    "mute": "held, an approved event mutes it",
    "silence": "held, somebody silenced it",
    "low_impact": "held, the voices do not agree that it matters",
    "agreement": "held until the voices agree",
    "stack": "held, another stack moved too",
    "part_of": "held, part of another alarm",
}


@dataclass
class Watcher:
    """Turns transitions into verdicts and tells each; `fallen` has the situations whose verdict has fallen."""

    situations: Sequence[Situation]
    end_ms: int  # end of the last tick
    tell: Callable[[Verdict], None]
    on_end: Callable[[], None] = lambda: None
    fallen: dict[str, Verdict] = field(default_factory=dict)
    told: Counter[str] = field(default_factory=Counter)
    _cause: dict[str, Situation] = field(default_factory=dict)  # alarm id → the situation it comes from
    _reasons: dict[str, tuple[str, ...]] = field(default_factory=dict)  # alarm id → reasons last told

    def on_outcome(self, outcome: Outcome, seconds: float | None = None) -> None:
        for event in outcome.events:
            self._take(event, outcome.interval_ms)
        if outcome.t_ms + outcome.interval_ms >= self.end_ms:
            self.on_end()

    def _take(self, event: AlarmEvent, interval_ms: int) -> None:
        reasons = tuple(str(r["reason"]) for r in (event.data["suppression"] or {}).get("reasons", ()))
        is_raised = event.type in ("fired", "released")
        self.told["raised" if is_raised else event.type] += 1
        situation = self._situation(event, reasons, is_raised)
        if event.type == "held" and situation is None and self._reasons.get(event.alarm_id) == reasons:
            return  # the same candidate, held for the same reasons: nothing new to say
        self._reasons[event.alarm_id] = reasons
        verdict = Verdict(
            event.tick_ms + interval_ms, _kind(event, is_raised), _words(event, reasons, situation, is_raised),
            str(event.data["summary"]), _by(event), None if situation is None else situation.name,
        )  # fmt: skip
        if situation is not None:
            self.fallen.setdefault(situation.name, verdict)
        self.tell(verdict)

    def _situation(self, event: AlarmEvent, reasons: tuple[str, ...], is_raised: bool) -> Situation | None:
        """The situation whose awaited verdict this is."""
        if event.data["direction"] != "down" or event.type not in ("held", "fired", "released"):
            return None
        start_ms, cuboid = _start_ms(event), event.data["cuboid"]["present"]
        for situation in self.situations:
            is_wanted = (
                is_raised if situation.reason is None else event.type == "held" and reasons[:1] == (situation.reason,)
            )
            if is_wanted and situation.covers(start_ms, cuboid):
                return situation
        return None


def _start_ms(event: AlarmEvent) -> int:
    from datetime import datetime

    return int(datetime.fromisoformat(event.data["starts_at"]).timestamp() * 1000)


def _kind(event: AlarmEvent, is_raised: bool) -> str:
    if is_raised:
        return "RAISED"
    return {"held": "HELD", "updated": "wider", "resolved": "resolved"}[event.type]


def _words(event: AlarmEvent, reasons: tuple[str, ...], situation: Situation | None, is_raised: bool) -> str:
    if situation is not None:
        return situation.words
    if is_raised:
        return "raised" if event.type == "fired" else "raised after a wait"
    if event.type == "held":
        return GENERIC.get(reasons[0], reasons[0]) if reasons else "held"
    if event.type == "resolved":
        return str(event.end or "ended")
    return f"graver or wider, {event.severity}"


def _by(event: AlarmEvent) -> tuple[str, ...]:
    """`calendar: match-tonight` for each reason."""
    found = (event.data["suppression"] or {}).get("reasons", ())
    return tuple(
        f"{r['reason']}: {r['by']}" if r.get("by") and r["by"] != r["reason"] else str(r["reason"]) for r in found
    )


class LearntEngines:
    """Makes engines that have learnt the world's history by the vectorised warm start."""

    def __init__(
        self, world: World, minutes: int, parameters: Parameters, calendar: Calendar,
        progress: Callable[[int, int], None] = lambda done, of: None,
    ) -> None:  # fmt: skip
        self._schema, self._parameters = world.schema(), parameters
        self._learnt = Engine(self._schema, parameters)
        panel = world.panel(0, minutes)
        (lane,) = self._learnt.lanes
        lane.state = warm_up(
            lane.core, lane.state, world.leaves, panel.t_ms, panel.y, calendar, QUIET_MS, progress=progress
        )

    def new(self) -> Engine:
        """The one that has learnt; it is handed out once, for a step consumes its state."""
        learnt, self._learnt = self._learnt, Engine(self._schema, self._parameters)
        return learnt

    def load(self, header: Header, arrays: Arrays) -> Engine:
        return Engine.load(self._schema, self._parameters, header, arrays)
