"""One line instead of a storm: what a receiver is told when more happens than its budget allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from connectors.outbox import Parcel
from suppression.alarm import AlarmEvent, alarm_id

METRIC = "tocsin_storm"
TOP = 5
_RANK = {"info": 0, "warning": 1, "critical": 2}


def summary(receiver: str, parcels: Sequence[Parcel]) -> AlarmEvent:
    """The summary of at least one parcel: counts of events and alarms, the most frequent labels, the ids of alarms.

    Its id comes from what it holds, so that an equal summary sent twice is recognised. It ends as it begins
    (`resolved`): nothing has to be closed at the receiver.
    """
    events = [parcel.event for parcel in parcels]
    alarms = sorted({event.alarm_id for event in events})
    labels = Counter(
        f"{name}={value}" for event in events for name, value in event.data.get("series", {}).items() if value != "*"
    )
    top = sorted(labels.items(), key=lambda item: (-item[1], item[0]))[:TOP]
    tick_ms = max(event.tick_ms for event in events)
    text = f"{len(events)} more changes of {len(alarms)} alarms: mostly {', '.join(name for name, _ in top) or 'mixed'}"
    identity = alarm_id(tick_ms, METRIC, {"receiver": receiver, "first": events[0].id, "last": events[-1].id}, "up")
    severity = max((event.severity for event in events), key=_RANK.__getitem__)
    types = dict(sorted(Counter(event.type for event in events).items()))
    data: dict[str, Any] = {
        "alarm_id": identity, "revision": 1, "state": "resolved", "severity": severity, "end": None,
        "series": {"metric": METRIC}, "summary": text,
        "storm": {"changes": len(events), "alarms": alarms, "types": types,
                  "top": [{"label": name, "changes": count} for name, count in top]},
    }  # fmt: skip
    return AlarmEvent("updated", tick_ms, identity, 1, "resolved", severity, None, True, data)
