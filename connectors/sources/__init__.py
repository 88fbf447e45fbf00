"""Sources: where samples come from."""

from connectors.kinds import resolve_kind
from connectors.source import Source

KINDS = {
    "file": "connectors.sources.file:FileSource",
    "kafka": "connectors.sources.kafka:KafkaSource",
    "memory": "connectors.sources.memory:MemorySource",
    "prometheus": "connectors.sources.prometheus:PrometheusSource",
    "simulator": "connectors.sources.simulator:SimulatorSource",
}


def resolve(kind: str) -> type[Source]:
    """The source class of a kind."""
    return resolve_kind("sources", KINDS, kind)
