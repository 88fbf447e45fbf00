"""`tocsin feed`: puts files into a Kafka topic, in event-time order, as fast as possible or at a chosen speed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.errors import ConfigError
from tocsin.commands.options import MaybeConfigOption

if TYPE_CHECKING:
    from connectors.kafka_client import KafkaConnection
    from connectors.mapping import Layout, RecordMapping
    from connectors.tables.guess import Wishes
    from tocsin.config.config import Config

POINTS = ("points",)  # where the samples stand in the layouts batch and columnar, unless -c says otherwise


def feed(
    files: Annotated[list[Path], typer.Argument(help="CSV files (with .gz); with -c also JSON lines and Parquet.")],
    bootstrap: Annotated[str | None, typer.Option(help="Brokers, host:port, with commas.", show_default=False)] = None,
    topic: Annotated[str | None, typer.Option(help="The topic to write.", show_default=False)] = None,
    config: MaybeConfigOption = None,
    layout: Annotated[
        str | None, typer.Option(help="single, batch or columnar messages.", show_default="single, or as -c says")
    ] = None,
    speed: Annotated[
        float | None, typer.Option(help="Event time passes so many times as fast as real time.", show_default="no pace")
    ] = None,
    end: Annotated[bool, typer.Option("--end", help="Close the topic: all ticks can be judged.")] = False,
    partitions: Annotated[int | None, typer.Option(min=1, help="Create the topic with so many partitions.")] = None,
    time: Annotated[str | None, typer.Option(help="Column of the event time.", show_default="found by name")] = None,
    value: Annotated[str | None, typer.Option(help="Column of the value.", show_default="value")] = None,
    metric: Annotated[str | None, typer.Option(help="One metric name for all.", show_default=False)] = None,
    metric_column: Annotated[
        str | None, typer.Option(help="Column of the metric's name.", show_default="metric or stack, if there")
    ] = None,
    labels: Annotated[
        str | None, typer.Option(help="Columns of the labels, with commas.", show_default="all others")
    ] = None,
    place: Annotated[
        str | None, typer.Option(help="Label that chooses the partition.", show_default="region, if there")
    ] = None,
    from_: Annotated[str | None, typer.Option("--from", help="First event time to feed.", show_default=False)] = None,
    to: Annotated[str | None, typer.Option(help="Event time to end before.", show_default=False)] = None,
    pause_at: Annotated[
        str | None, typer.Option(help="Wait for Enter before the first sample of this time.", show_default=False)
    ] = None,
    interval: Annotated[
        str | None, typer.Option(help="The tick that --end closes.", show_default="smallest step of the files")
    ] = None,
) -> None:
    """Put files into a Kafka topic, in event-time order, keyed by place; record time is left to the broker."""
    from connectors.kafka_topic import Topic
    from connectors.records.encode import Encoder
    from connectors.sources.file import FileSettings, FileSource
    from connectors.tables.guess import Wishes
    from connectors.tables.merged import merged
    from tocsin.feed_progress import FeedProgress
    from tocsin.feeding import Pace, Window, messages

    loaded = _load(config)
    reading, writing = _mappings(files, Wishes(time, value, metric, metric_column, _labels(labels)), layout, loaded)
    columns = ("metric", *(name for name, _ in reading.columns))
    encoder = Encoder(writing, columns)
    key = _place(place, loaded, columns)
    window, pause_ms = Window(_moment("--from", from_), _moment("--to", to)), _moment("--pause-at", pause_at)
    pace = Pace(speed)
    connection, name = _target(bootstrap, topic, loaded)
    source = FileSource(FileSettings(tuple(files), interval_ms=_interval(interval, loaded)), reading)
    source.open({})
    target = Topic(connection, name, partitions)
    try:
        with FeedProgress(sum(behind for behind, _ in source.lag().values()), name) as progress:
            for message in messages(progress.refusals(merged(source)), encoder, key, window):
                if pause_ms is not None and message.time_ms >= pause_ms:
                    target.flush()
                    progress.say(f"paused before {pause_at}; Enter goes on")
                    if not sys.stdin.readline():
                        raise ConfigError("--pause-at: standard input ended, nobody can go on")
                    pause_ms = None
                    pace.restart()
                pace.wait_for(message.time_ms, target.flush)
                target.send(message.key, message.value)
                progress.add(message.samples)
            if end:
                target.end(source.closes_ms if window.to_ms is None else min(window.to_ms, source.closes_ms))
            target.close()
            progress.done(target.acknowledged)
    except BaseException:
        target.abandon()
        raise


def _load(config: Path | None) -> Config | None:
    if config is None:
        return None
    from tocsin.config.load import load_config

    return load_config(config)


def _labels(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name.strip() for name in text.split(",") if name.strip())


def _mappings(
    files: list[Path], wishes: Wishes, layout: str | None, config: Config | None
) -> tuple[RecordMapping, RecordMapping]:
    """How the files are read, and how the messages are written.

    A CSV file that has all columns which the configuration names is read as the configuration says.
    """
    from dataclasses import replace

    from connectors.mapping import MetricMapping, RecordMapping
    from connectors.tables.formats import format_of
    from connectors.tables.guess import Wishes, guess_mapping, has_columns

    if layout not in (None, "single", "batch", "columnar"):
        raise ConfigError(f"--layout: expected single, batch or columnar, got {layout!r}")
    for file in files:
        if not file.is_file():
            raise ConfigError(f"{file}: expected a file, there is none")
    is_csv = format_of(files[0]) == "csv"
    if config is not None and (not is_csv or (wishes == Wishes() and has_columns(files[0], config.mapping()))):
        reading = config.mapping()
    elif is_csv:
        wanted = tuple(name for name, _ in config.mapping().columns) if config else None
        reading = guess_mapping(files[0], replace(wishes, labels=wishes.labels or wanted))
    else:
        raise ConfigError(f"{files[0].name}: only CSV files name their columns; others need -c with source.format")
    if config is not None:
        writing = config.mapping()
        if layout is not None and layout != writing.layout:
            raise ConfigError(f"--layout: {config.file} reads {writing.layout} messages, got {layout}")
        return reading, writing
    columns = tuple((name, (name,)) for name, _ in reading.columns)
    metrics = (MetricMapping(name_path=("metric",)),)
    if layout in (None, "single"):
        return reading, RecordMapping(metrics=metrics, columns=columns)
    shape: Layout = "batch" if layout == "batch" else "columnar"
    return reading, RecordMapping(layout=shape, samples=POINTS, metrics=metrics, columns=columns)


def _place(wish: str | None, config: Config | None, columns: tuple[str, ...]) -> int | None:
    """Which part of a sample's key chooses its partition; None: all of it."""
    chosen = wish or (config.place if config else None) or ("region" if "region" in columns else None)
    if chosen is None:
        return None
    if chosen not in columns:
        raise ConfigError(f"--place: expected one of {', '.join(columns)}, got {chosen!r}")
    return columns.index(chosen)


def _moment(flag: str, text: str | None) -> int | None:
    from connectors.mapping import Limits, TimeField
    from connectors.records.fault import Fault
    from connectors.records.timestamps import read_time

    if text is None:
        return None
    try:
        return read_time(text, TimeField((flag,), "rfc3339", assume_utc=True), Limits())
    except Fault as fault:
        raise ConfigError(fault.detail) from None


def _interval(text: str | None, config: Config | None) -> int | None:
    """The longest tick that the end has to close."""
    from tocsin.config.duration import parse_duration

    if text is None:
        return (
            max(i for i in (config.model.interval, *(m.interval for m in config.model.metrics.values())) if i)
            if config
            else None
        )
    try:
        interval = parse_duration(text)
    except ValueError as error:
        raise ConfigError(f"--interval: {error}") from None
    if interval <= 0:
        raise ConfigError(f"--interval: expected a duration above 0, got {text!r}")
    return interval


def _target(bootstrap: str | None, topic: str | None, config: Config | None) -> tuple[KafkaConnection, str]:
    from dataclasses import replace

    from connectors.kafka_client import KafkaConnection
    from tocsin.config.source_models import split_server
    from tocsin.kafka_access import kafka_connection

    model = config.source.kafka if config else None
    name = topic or (model.topics[0] if model and len(model.topics) == 1 else None)
    if name is None:
        raise ConfigError("--topic: expected the topic to write (or -c with one topic in source.kafka)")
    servers: tuple[str, ...] | None = None
    if bootstrap is not None:
        try:
            pieces = [piece.strip() for piece in bootstrap.split(",") if piece.strip()]
            servers = tuple("{}:{}".format(*split_server(piece, 9092)) for piece in pieces)
        except ValueError as error:
            raise ConfigError(f"--bootstrap: {error}") from None
    if model is not None:
        connection = kafka_connection(model.bootstrap_servers, model)
        return (replace(connection, bootstrap_servers=servers) if servers else connection), name
    if not servers:
        raise ConfigError("--bootstrap: expected host:port of a broker (or -c with source.kafka)")
    return KafkaConnection(servers), name
