"""From a checked configuration to the parts of the program: engine, source, receivers, files that are watched."""

from __future__ import annotations

import glob
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from detector.errors import ConfigError
from suppression.controls import Controls
from tocsin.config.config import Config
from tocsin.deliver import Manners, Receiver
from tocsin.parameters import Parameters
from tocsin.reload import WatchedFiles, read_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.cloudevents import Envelope
    from connectors.sink import Sink
    from connectors.source import Source
    from connectors.sources.file import FileSource
    from connectors.tables.formats import Format
    from tocsin.engine import Engines

MACHINE = Manners(batch=200, notify_budget=None)  # a topic or a pipe wants everything
PERSON = Manners()


def build_parameters(config: Config) -> Parameters:
    """What the engine can be told."""
    model = config.model
    return Parameters(
        budget=model.alarm_budget.rate,
        budget_per=model.alarm_budget.per,
        warmup_ms=model.warmup,
        idle_ttl_ms=model.idle_ttl,
    )


def build_engines(config: Config) -> Engines:
    """Makes and restores engines of this configuration."""
    from tocsin.engine import Engines
    from tocsin.heap import keep_freed_memory

    keep_freed_memory()
    return Engines(config.schema(), build_parameters(config))


def build_source(config: Config) -> Source:
    """Where samples come from; connects to nothing yet."""
    model = config.source
    if model.kind == "kafka" and model.kafka is not None:
        from connectors.codecs import resolve
        from connectors.sources.kafka import KafkaSettings, KafkaSource
        from tocsin.kafka_access import kafka_connection

        kafka = model.kafka
        settings = KafkaSettings(
            kafka_connection(kafka.bootstrap_servers, kafka), kafka.topics, kafka.group_id, kafka.start,
            kafka.rebuild_history,
        )  # fmt: skip
        return KafkaSource(settings, resolve(model.format.codec)(config.mapping()))  # type: ignore[call-arg]
    if model.kind == "file" and model.file is not None:
        paths = input_files([str(config.folder / text) for text in model.file.paths], "source.file.paths")
        return build_file_source(config, paths, model.file.format)
    if model.kind == "simulator":
        from connectors.simulation import World, WorldParameters
        from connectors.sources.simulator import SimulatorSource

        return SimulatorSource(World(WorldParameters(seed=model.simulator.seed)))
    raise ConfigError(f"source.kind: {model.kind} can be read by tests and programs only; expected kafka or file")


def build_file_source(config: Config, paths: Sequence[Path], form: Format = "auto") -> FileSource:
    """Files in event-time order, read as `source.format` and `metrics` say; their end closes the longest interval."""
    from connectors.codecs.json import JsonCodec
    from connectors.sources.file import FileSettings, FileSource

    longest_ms = max([config.model.interval, *(m.interval or 0 for m in config.model.metrics.values())])
    mapping = config.mapping()
    return FileSource(FileSettings(tuple(paths), form, longest_ms), mapping, JsonCodec(mapping))


def input_files(names: Sequence[str], place: str) -> list[Path]:
    """Files by name or pattern, in the order given; every pattern must match something."""
    found: dict[Path, None] = {}
    for name in names:
        matched = sorted(glob.glob(name, recursive=True)) if glob.has_magic(name) else [name]
        if not matched:
            raise ConfigError(f"{place}: expected at least one file, nothing matches {name!r}")
        found.update(dict.fromkeys(Path(text) for text in matched))
    return list(found)


def build_receivers(config: Config) -> list[Receiver]:
    """Everybody who is told. Alarms of a file are history, so their age stops nobody from being told."""
    from connectors.cloudevents import Envelope

    outputs = config.model.outputs
    envelope = Envelope(config.node_id, config.model.web.external_url)
    receivers: list[Receiver] = []
    if outputs.kafka.alarms_topic is not None:
        receivers.append(Receiver(_kafka_sink(config, outputs.kafka.alarms_topic, envelope), MACHINE))
    for webhook in outputs.webhooks:
        from connectors.sinks.webhook import WebhookSettings, WebhookSink

        secret = webhook.secret.reveal() if webhook.secret is not None else ""
        settings = WebhookSettings(webhook.url, webhook.name, secret, timeout_ms=webhook.timeout)
        receivers.append(Receiver(WebhookSink(settings, envelope), PERSON))
    if outputs.stdout.enabled:
        from connectors.sinks.stdout import StdoutSink

        receivers.append(Receiver(StdoutSink(envelope), MACHINE))
    if config.source.kind != "kafka":
        return [Receiver(r.sink, replace(r.manners, max_alarm_age_ms=None)) for r in receivers]
    return receivers


def _kafka_sink(config: Config, topic: str, envelope: Envelope) -> Sink:
    """The alarms topic, by its own servers and security, or by those of the source."""
    from connectors.sinks.kafka import KafkaSink, KafkaSinkSettings
    from tocsin.kafka_access import kafka_connection

    own, source = config.model.outputs.kafka, config.source.kafka
    if own.bootstrap_servers is not None:
        connection = kafka_connection(own.bootstrap_servers, own)
    elif source is not None:
        connection = kafka_connection(source.bootstrap_servers, source)
    else:
        raise ConfigError("outputs.kafka.bootstrap_servers: is required where the source is not kafka")
    return KafkaSink(KafkaSinkSettings(connection, topic), envelope)


def watched_files(config: Config) -> list[WatchedFiles]:
    """Calendar and silences, read again while running."""
    from tocsin.calendar_file import parse_calendars
    from tocsin.silences_file import parse_silences

    watched = []
    patterns = tuple(str(config.folder / text) for text in config.model.suppression.calendar.files)
    if patterns:
        watched.append(WatchedFiles("calendar", patterns, parse_calendars))
    if config.silences_file is not None:
        watched.append(WatchedFiles("silences", (str(config.silences_file),), parse_silences, may_be_absent=True))
    return watched


def build_controls(config: Config) -> Controls:
    """What is in force from the first tick on: calendar and silences as they are on disk; raises their faults."""
    from tocsin.calendar_file import parse_calendars
    from tocsin.silences_file import parse_silences

    files = {watched.kind: read_files(watched) for watched in watched_files(config)}
    return Controls(
        calendar=parse_calendars(files.get("calendar", {})), silences=parse_silences(files.get("silences", {}))
    )
