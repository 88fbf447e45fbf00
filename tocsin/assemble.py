"""From a checked configuration to a daemon with its source, receivers, pages and history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from tocsin.build import build_engines, build_receivers, build_source, watched_files
from tocsin.calendar_file import parse_calendars
from tocsin.clock import Clock, SystemClock
from tocsin.config.config import Config
from tocsin.daemon import Daemon, DaemonSettings
from tocsin.engine import by_interval
from tocsin.silences_file import parse_silences
from tocsin.status import Status

RESTORED_ALARMS = 2000  # newest alarms that pages show at once after a restart


@dataclass(frozen=True, slots=True)
class Assembled:
    """A daemon and what shows it; `serve` starts the pages and returns how to end them."""

    daemon: Daemon
    view: Any  # tocsin.api.live.LiveView
    serve: Callable[..., Callable[[], None]]  # is_insecure=True lets it listen where other machines reach it


def assemble(config: Config, *, clock: Clock | None = None, snapshot_every_s: float = 60.0) -> Assembled:
    """Builds everything that `tocsin run` runs; connects to nothing yet."""
    from connectors.history import History
    from tocsin.api.live import LiveView
    from tocsin.budget_kept import BudgetKept
    from tocsin.projection import HistoryProjection

    clock = clock or SystemClock()
    schema, model = config.schema(), config.model
    source, receivers = build_source(config), build_receivers(config)
    names = [receiver.sink.name for receiver in receivers]
    prometheus = model.outputs.prometheus
    view = LiveView(schema, sinks=names, expose=prometheus.expose, max_series=prometheus.max_series)
    journal = config.data_dir / "journal.db"
    _restore(view, journal)
    history = History(config.database_url)
    kept = BudgetKept(view.newest, history)
    is_kafka = model.source is not None and model.source.kind == "kafka"
    tick_ms = min(lane.interval_ms for lane in by_interval(schema))
    rate = model.reload.check_every / 1000
    daemon = Daemon(
        DaemonSettings(
            config.data_dir,
            snapshot_every_s=snapshot_every_s,
            reload_every_s=rate,
            idle_after_s=120.0 if is_kafka else 0.0,
            close_after_s=(schema.lateness_ms + tick_ms) / 1000 if is_kafka else 0.0,
            tick_ms=tick_ms,
            series_limit=model.max_series,
        ),
        source,
        build_engines(config),
        receivers,
        parse_calendar=parse_calendars,
        parse_silences=parse_silences,
        watched=watched_files(config),
        listeners=[view],
        probe=view.metrics,
        projection=HistoryProjection(journal, history, clock, view.points_of, kept.refresh),
        enrich=lambda status: kept.enrich(_enrich(status, source)),
        commit=getattr(source, "commit", None),
        quiet=source if is_kafka else None,  # type: ignore[arg-type]
        clock=clock,
    )
    view.status = daemon.status
    return Assembled(daemon, view, partial(_serve, config, daemon, view))


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


def _serve(config: Config, daemon: Daemon, view: Any, *, is_insecure: bool = False) -> Callable[[], None]:
    from tocsin.api.app import create_app
    from tocsin.api.server import serve_in_thread

    host, _, port = config.model.web.listen.rpartition(":")
    app = create_app(
        view,
        reload=(lambda: [str(fault) for fault in daemon.reload()]) if config.model.reload.http else None,
        external_url=config.model.web.external_url or "",
    )
    handle = serve_in_thread(app, host.strip("[]"), int(port), insecure=is_insecure)
    return handle.stop
