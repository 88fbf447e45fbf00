"""An alarm on a feed in a file of pages, which names one unit a row: a page for each unit that is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from detector.schema import ALL
from suppression.alarm import AlarmEvent
from suppression.candidate import Candidate
from tocsin.core import Core, State
from tocsin.feed_alarm import unit_heads
from tocsin.lone_absence import LEAST_TICKS, REGULAR


@dataclass(slots=True)
class FeedPages:
    """Remembers which units each alarm on a feed was told for; `label` names the dimension of the units."""

    label: str = "series"
    units: dict[str, dict[str, str]] = field(default_factory=dict)  # alarm → unit → metric of its head
    newest: dict[str, AlarmEvent] = field(default_factory=dict)  # alarm → its newest event

    def of_units(self, core: Core, state: State, events: Sequence[AlarmEvent]) -> Iterator[AlarmEvent]:
        """The events of a tick, those of feeds told unit by unit; `state` is the one after the tick."""
        for event in events:
            if event.data["feed"] is None:
                yield event
                continue
            if event.data["series"][self.label] != ALL:  # a unit's own alarm that became the feed's
                yield event
            self.newest[event.alarm_id] = event
            for unit, metric in self.units.get(event.alarm_id, {}).items():
                yield self._as_of(event, unit, metric)
        for alarm in state.feed_alarms:
            yield from self._joining(core, state, alarm)

    def _joining(self, core: Core, state: State, alarm: Candidate) -> Iterator[AlarmEvent]:
        """Units that the alarm speaks of from this tick on: missing for long enough, and not told about already."""
        assert alarm.feed is not None
        assert core.lone is not None
        if alarm.state not in ("firing", "held") or state.feed_rows.age[alarm.feed.number] == 0:
            return
        newest, told = self.newest[alarm.alarm_id], self.units.setdefault(alarm.alarm_id, {})
        own = {state.index.labels(c.present)[self.label] for c in state.candidates if c.state == "firing"}
        own.add(newest.data["series"][self.label])
        derived, absence = core.adapt(state), core.lone.absence
        assert derived.units is not None
        heads = unit_heads(core, derived, alarm.feed.number, derived.units.heads)
        heads = heads[(state.absence.gap[heads] >= LEAST_TICKS) & (state.rows.born[heads] > 0)]
        heads = heads[absence.regular(state.absence, heads) >= REGULAR]
        young = state.rows.age[heads] < core.timing.ticks(core.parameters.idle_ttl_ms)
        for head in np.asarray(heads[young]).tolist():
            labels = state.index.labels(head)
            if labels[self.label] not in told and labels[self.label] not in own:
                told[labels[self.label]] = labels["metric"]
                kind = "fired" if alarm.state == "firing" else "held"
                yield replace(self._as_of(newest, labels[self.label], labels["metric"]), type=kind)  # type: ignore[arg-type]

    def _as_of(self, event: AlarmEvent, unit: str, metric: str) -> AlarmEvent:
        data = {**event.data, "series": {"metric": metric, self.label: unit}}
        return replace(event, alarm_id=f"{event.alarm_id}:{unit}", data=data)
