"""Sinks: where alarms go."""

from connectors.kinds import resolve_kind
from connectors.sink import Sink

KINDS = {
    "kafka": "connectors.sinks.kafka:KafkaSink",
    "memory": "connectors.sinks.memory:MemorySink",
    "stdout": "connectors.sinks.stdout:StdoutSink",
    "webhook": "connectors.sinks.webhook:WebhookSink",
}


def resolve(kind: str) -> type[Sink]:
    """The sink class of a kind."""
    return resolve_kind("sinks", KINDS, kind)
