"""Where a backfill reads history from, and where the daemon goes on after it: from the checked configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from connectors.source import Source
from detector.errors import ConfigError
from detector.watermark import FUTURE_MS
from tocsin.build import build_file_source, build_source, input_files
from tocsin.config.config import Config
from tocsin.config.source_models import PrometheusSourceModel

if TYPE_CHECKING:
    from connectors.sources.prometheus import PrometheusSettings


class Origin(NamedTuple):
    """A source of history; `is_own`: it is the daemon's own source, whose positions go on."""

    source: Source
    name: str  # in words, equal for equal origins
    is_own: bool


def build_origin(config: Config, data: Sequence[str], from_ms: int | None, to_ms: int) -> Origin:
    """Files named on the command line, else Prometheus where it is configured, else the source of `run`."""
    if data:
        paths = input_files(data, "DATA")
        form = config.source.file.format if config.source.file is not None and config.source.kind == "file" else "auto"
        return Origin(build_file_source(config, paths, form), f"files {' '.join(map(str, paths))}", False)
    model = config.source
    if model.prometheus is not None:
        if from_ms is None:
            raise ConfigError("--from: is required for history from Prometheus, for example 30d")
        from connectors.sources.prometheus import PrometheusSource

        settings = prometheus_settings(config, model.prometheus, from_ms, to_ms)
        return Origin(PrometheusSource(settings), f"Prometheus at {model.prometheus.url}", False)
    if model.kind == "kafka" and model.kafka is not None:
        changes: dict[str, object] = {"start": "earliest"}
        if from_ms is not None:
            changes = {"start": "history", "rebuild_history": max(to_ms, _now_ms()) - from_ms}
        kafka = model.kafka.model_copy(update=changes)
        read = replace(
            config, model=config.model.model_copy(update={"source": model.model_copy(update={"kafka": kafka})})
        )
        return Origin(build_source(read), f"topics {' '.join(model.kafka.topics)}", True)
    return Origin(build_source(config), f"the {model.kind} source", True)


def prometheus_settings(config: Config, model: PrometheusSourceModel, from_ms: int, to_ms: int) -> PrometheusSettings:
    """Queries and labels of the section; the credentials become headers."""
    from connectors.query_range import PrometheusConnection
    from connectors.sources.prometheus import PrometheusSettings

    headers = dict(model.headers)
    if model.bearer_token is not None:
        headers["Authorization"] = f"Bearer {model.bearer_token.reveal()}"
    password = model.basic_auth_password.reveal() if model.basic_auth_password is not None else None
    connection = PrometheusConnection(
        model.url, tuple(sorted(headers.items())), model.basic_auth_username, password,
        None if model.ca_file is None else str(config.folder / model.ca_file), model.timeout,
    )  # fmt: skip
    schema = config.schema()
    intervals = {m.interval_ms or schema.interval_ms for m in schema.metrics if m.name in model.queries}
    if model.step is None and len(intervals) > 1:
        raise ConfigError("source.prometheus.step: is required, as the queried metrics have several intervals")
    step = model.step or intervals.pop()
    columns = schema.key_columns[1:]
    labels = {}
    for name in model.queries:
        own = schema.metric(name).dimensions
        labels[name] = tuple(
            model.labels.get(c, c.replace(".", "_")) if own is None or c.partition(".")[0] in own else ""
            for c in columns
        )
    return PrometheusSettings(
        connection, tuple(model.queries.items()), labels, from_ms, to_ms, step, model.stamp == "end"
    )


def positions_after(config: Config, history_end_ms: int) -> dict[str, int]:
    """Where the daemon's own source begins to tell of ticks after history: by record time, with room for skew."""
    model = config.source
    if model.kind != "kafka" or model.kafka is None:
        return {}  # a file is read from its beginning; what it tells again is late
    from connectors.kafka_since import positions_since
    from tocsin.kafka_access import kafka_connection

    connection = kafka_connection(model.kafka.bootstrap_servers, model.kafka)
    return positions_since(connection, model.kafka.topics, history_end_ms - FUTURE_MS)


def _now_ms() -> int:
    import time

    return time.time_ns() // 1_000_000
