"""The envelope around an alarm event: CloudEvents 1.0, structured JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from suppression.alarm import AlarmEvent

CONTENT_TYPE = "application/cloudevents+json"
SEPARATOR = "|"  # between the parts of the subject


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who speaks: the node's name and, if there is one, the address under which people reach this Tocsin."""

    node: str = "tocsin"
    external_url: str | None = None

    @property
    def source(self) -> str:
        """The event's source: a URL, or a relative one where no address is configured."""
        return f"{(self.external_url or '').rstrip('/')}/nodes/{self.node}"


def event_type(event: AlarmEvent) -> str:
    """The CloudEvents type of a transition; fields may be added within v1, never renamed."""
    return f"org.tocsin.alarm.{event.type}.v1"


def wrap(event: AlarmEvent, envelope: Envelope) -> dict[str, Any]:
    """The CloudEvent of one transition. `id` is the transition's own, so receivers can drop a second copy."""
    series = event.data.get("series") or {}
    message = {
        "specversion": "1.0",
        "datacontenttype": "application/json",
        "id": event.id,
        "source": envelope.source,
        "type": event_type(event),
        "subject": SEPARATOR.join(str(value) for value in series.values()) or event.alarm_id,
        "time": datetime.fromtimestamp(event.tick_ms / 1000, UTC).isoformat().replace("+00:00", "Z"),
        "partitionkey": event.alarm_id,
        "sequence": str(event.revision),
        "data": event.data,
    }
    if envelope.external_url:
        base = envelope.external_url.rstrip("/")
        message["dataschema"] = f"{base}/schemas/alarm/v1.json"
        links = {**(event.data.get("links") or {}), "self": f"{base}/alarms/{event.alarm_id}"}
        message["data"] = {**event.data, "links": links}  # the one link from the page to the picture
    return message


def encode(event: AlarmEvent, envelope: Envelope) -> bytes:
    """The same as JSON bytes; equal events give equal bytes."""
    return msgspec.json.encode(wrap(event, envelope))
