"""From a checked configuration to a daemon with its source, receivers, pages and history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from connectors.codecs.json import JsonCodec
from connectors.source import Source
from detector.errors import ConfigError
from tocsin.calendar_file import parse_calendars
from tocsin.clock import Clock, SystemClock
from tocsin.config.config import Config
from tocsin.daemon import Daemon, DaemonSettings
from tocsin.deliver import Manners, Receiver
from tocsin.parameters import Parameters
from tocsin.reload import WatchedFiles
from tocsin.silences_file import parse_silences
from tocsin.status import Status

MACHINE = Manners(batch=200, notify_budget=None)  # a topic or a pipe wants everything
PERSON = Manners()
RESTORED_ALARMS = 2000  # newest alarms that pages show at once after a restart


@dataclass(frozen=True, slots=True)
class Assembled:
    """A daemon and what shows it; `serve` starts the pages and returns how to end them."""

    daemon: Daemon
    view: Any  # tocsin.api.live.LiveView
    serve: Callable[[], Callable[[], None]]


def assemble(config: Config, *, clock: Clock | None = None) -> Assembled:
    """Builds everything that `tocsin run` runs; connects to nothing yet."""
    from connectors.history import History
    from tocsin.api.live import LiveView
    from tocsin.engine import Engines
    from tocsin.projection import HistoryProjection

    clock = clock or SystemClock()
    schema, model = config.schema(), config.model
    source, receivers = make_source(config), make_receivers(config)
    names = [receiver.sink.name for receiver in receivers]
    prometheus = model.outputs.prometheus
    view = LiveView(schema, sinks=names, expose=prometheus.expose, max_series=prometheus.max_series)
    journal = config.data_dir / "journal.db"
    _restore(view, journal)
    rate = model.reload.check_every / 1000
    daemon = Daemon(
        DaemonSettings(
            config.data_dir,
            reload_every_s=rate,
            idle_after_s=120.0 if model.source is not None and model.source.kind == "kafka" else 0.0,
            series_limit=model.max_series,
        ),
        source,
        Engines(schema, make_parameters(config)),
        receivers,
        parse_calendar=parse_calendars,
        parse_silences=parse_silences,
        watched=watched_files(config),
        listeners=[view],
        probe=view.metrics,
        projection=HistoryProjection(journal, History(config.database_url), clock, view.points_of),
        enrich=lambda status: _enrich(status, source),
        commit=getattr(source, "commit", None),
        clock=clock,
    )
    view.status = daemon.status
    return Assembled(daemon, view, lambda: _serve(config, daemon, view))


def make_source(config: Config) -> Source:
    """The source that the configuration names."""
    model = config.source
    if model.kind == "kafka" and model.kafka is not None:
        from connectors.sources.kafka import KafkaSettings, KafkaSource
        from tocsin.kafka_access import kafka_connection

        kafka = model.kafka
        settings = KafkaSettings(
            kafka_connection(kafka.bootstrap_servers, kafka), kafka.topics, kafka.group_id, kafka.start,
            kafka.rebuild_history,
        )  # fmt: skip
        return KafkaSource(settings, JsonCodec(config.mapping()))
    if model.kind == "file" and model.file is not None:
        from connectors.sources.file import FileSettings, FileSource

        paths = tuple(config.folder / Path(name) for name in model.file.paths)
        mapping = config.mapping()
        return FileSource(FileSettings(paths, model.file.format, config.model.interval), mapping, JsonCodec(mapping))
    if model.kind == "simulator":
        from connectors.simulation import World, WorldParameters
        from connectors.sources.simulator import SimulatorSource

        return SimulatorSource(World(WorldParameters(seed=model.simulator.seed)))
    raise ConfigError(f"source.kind: {model.kind} can be read by tests and programs only; expected kafka or file")


def make_receivers(config: Config) -> list[Receiver]:
    """Everybody who is told. Alarms of a file are history, so their age stops nobody from being told."""
    from connectors.cloudevents import Envelope

    outputs = config.model.outputs
    envelope = Envelope(config.node_id, config.model.web.external_url)
    receivers: list[Receiver] = []
    if outputs.kafka.alarms_topic is not None:
        from connectors.sinks.kafka import KafkaSink, KafkaSinkSettings
        from tocsin.kafka_access import kafka_connection

        if outputs.kafka.bootstrap_servers is not None:
            connection = kafka_connection(outputs.kafka.bootstrap_servers, outputs.kafka)
        elif config.source.kafka is not None:
            connection = kafka_connection(config.source.kafka.bootstrap_servers, config.source.kafka)
        else:
            raise ConfigError("outputs.kafka.bootstrap_servers: is required where the source is not kafka")
        receivers.append(
            Receiver(KafkaSink(KafkaSinkSettings(connection, outputs.kafka.alarms_topic), envelope), MACHINE)
        )
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


def make_parameters(config: Config) -> Parameters:
    """The engine's parameters; the budget in pages per 1000 series-weeks."""
    budget = config.alarm_budget
    rate = budget.rate * 1000 if budget.per == "series-week" else budget.rate
    return Parameters(budget=rate, warmup_ms=config.model.warmup, idle_ttl_ms=config.model.idle_ttl)


def watched_files(config: Config) -> list[WatchedFiles]:
    """Calendar and silences, read again while running."""
    watched = []
    patterns = tuple(str(config.folder / text) for text in config.model.suppression.calendar.files)
    if patterns:
        watched.append(WatchedFiles("calendar", patterns, parse_calendars))
    if config.silences_file is not None:
        watched.append(WatchedFiles("silences", (str(config.silences_file),), parse_silences, may_be_absent=True))
    return watched


def _restore(view: Any, journal: Path) -> None:
    """Gives pages and metrics the alarms of before a restart."""
    from itertools import islice

    from connectors.kept import JournalReader, Wanted

    if journal.is_file():
        reader = JournalReader(journal)
        view.restore(list(islice(reader.alarms(Wanted()), RESTORED_ALARMS)))
        reader.close()


def _enrich(status: Status, source: Any) -> Status:
    """What only the source can say: what it waits for, how often its client was made anew."""
    rebuilds = getattr(source, "rebuilds", 0)
    if rebuilds:
        status = replace(status, client_rebuilds={("consumer", "failure"): rebuilds})
    if status.not_ready and not status.partitions and callable(says := getattr(source, "status", None)):
        status = replace(status, not_ready=(f"kafka: {says()}",))
    return status


def _serve(config: Config, daemon: Daemon, view: Any) -> Callable[[], None]:
    from tocsin.api.app import create_app
    from tocsin.api.server import serve_in_thread

    host, _, port = config.model.web.listen.rpartition(":")
    app = create_app(
        view,
        reload=(lambda: [str(fault) for fault in daemon.reload()]) if config.model.reload.http else None,
        external_url=config.model.web.external_url or "",
    )
    handle = serve_in_thread(app, host.strip("[]"), int(port))
    return handle.stop
