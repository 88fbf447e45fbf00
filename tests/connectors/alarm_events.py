"""Alarm events for the tests of sinks."""

from __future__ import annotations

from suppression.alarm import AlarmEvent, alarm_id

TICK_MS = 1_795_214_820_000  # 2026-11-20T22:47:00Z


def alarm_event(revision: int = 1, *, region: str = "eu-west", body: dict[str, object] | None = None) -> AlarmEvent:
    """One revision of an alarm on ios logins."""
    series = {"metric": "requests", "device": "ios", "region": region, "activity": "login"}
    identity = alarm_id(TICK_MS, "requests", {"region": region}, "down")
    data = {"alarm_id": identity, "revision": revision, "state": "firing", "series": series, **(body or {})}
    return AlarmEvent(
        type="fired" if revision == 1 else "updated",
        tick_ms=TICK_MS,
        alarm_id=identity,
        revision=revision,
        state="firing",
        severity="critical",
        end=None,
        told=True,
        data=data,
    )
