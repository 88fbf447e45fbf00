"""`tocsin calendar`: check, list and look ahead in the calendar files; import them from CSV."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from tocsin.commands.options import DEFAULT_CONFIG, FormOption, MaybeConfigOption, ZoneOption, now_ms
from tocsin.listing import Form, show

app = typer.Typer(help="Check, list and look ahead in the calendar.", no_args_is_help=True)
FilesArgument = Annotated[
    list[Path] | None, typer.Argument(help="Calendar files; default: those of the configuration.", show_default=False)
]
DAY_MS = 86_400_000


@app.command()
def check(files: FilesArgument = None, config: MaybeConfigOption = None, form: FormOption = Form.table) -> None:
    """Check calendar files: one line per fault or warning, exit code 1 if there is a fault."""
    from tocsin.check import check_calendar, report
    from tocsin.config.load import load_config

    loaded = load_config(config, needs_source=False) if config is not None else None
    paths = _paths(files, config)
    checked = check_calendar(paths, now_ms(), None if loaded is None else loaded.schema())
    sys.stdout.write(report(checked, form))
    if checked.faults:
        raise typer.Exit(1)


@app.command("list")
def list_events(files: FilesArgument = None, config: MaybeConfigOption = None, form: FormOption = Form.table) -> None:
    """List the events, each with its next occurrence in UTC."""
    from tocsin.calendar_file import load_calendar
    from tocsin.calendar_rows import EVENT_COLUMNS, event_rows

    show(event_rows(load_calendar(_paths(files, config)), now_ms()), EVENT_COLUMNS, form)


@app.command("next")
def next_occurrences(
    files: FilesArgument = None,
    config: MaybeConfigOption = None,
    days: Annotated[int, typer.Option("--days", min=1, max=4_000, help="How far to look ahead.")] = 7,
    zone: ZoneOption = "UTC",
    since: Annotated[str, typer.Option("--from", help="Where to begin, as RFC 3339 or now-6h.")] = "now",
    form: FormOption = Form.table,
) -> None:
    """List the occurrences of the coming days, in UTC and in a zone."""
    from tocsin.calendar_file import load_calendar
    from tocsin.calendar_rows import occurrence_columns, occurrence_rows, zone_named
    from tocsin.moment import parse_moment

    from_ms = parse_moment(since, now_ms(), "--from")
    occurrences = load_calendar(_paths(files, config)).between(from_ms, from_ms + days * DAY_MS)
    show(occurrence_rows(occurrences, zone_named(zone)), occurrence_columns(zone), form)


@app.command()
def schema() -> None:
    """Print the JSON Schema of calendar.yaml, for editors."""
    from tocsin.config.calendar_models import CalendarFileModel
    from tocsin.config.json_schema import json_schema

    sys.stdout.write(json.dumps(json_schema(CalendarFileModel, "calendar.yaml"), indent=2) + "\n")


@app.command("import-csv")
def import_csv(
    file: Annotated[
        Path, typer.Argument(help="CSV with start,end,name[,scope] or date,name[,lower_window,upper_window].")
    ],
    zone: Annotated[str, typer.Option("--tz", help="Time zone of the times in the file.")] = "UTC",
    interval: Annotated[
        str | None, typer.Option("--interval", help="If `end` is the start of the last tick: its length, such as 1h.")
    ] = None,
) -> None:
    """Write a CSV of events as YAML on stdout."""
    from detector.errors import ConfigError
    from tocsin.calendar_csv import calendar_from_csv, calendar_text, ignored_columns
    from tocsin.calendar_rows import zone_named
    from tocsin.config.document import read_text
    from tocsin.config.duration import parse_duration

    try:
        interval_ms = 0 if interval is None else parse_duration(interval)
    except ValueError as error:
        raise ConfigError(f"--interval: {error}") from None
    zone_named(zone)
    text = read_text(file)
    document = calendar_from_csv(text, str(file), zone=zone, interval_ms=interval_ms)
    ignored = ignored_columns(text)
    if ignored:
        sys.stderr.write(f"{file}: columns that were not read: {', '.join(ignored)}\n")
    sys.stdout.write(calendar_text(document))


def _paths(files: list[Path] | None, config: Path | None) -> list[Path]:
    """The files named, else those of the configuration."""
    from detector.errors import ConfigError
    from tocsin.config.load import load_config

    if files:
        return files
    if config is None and not DEFAULT_CONFIG.exists():
        raise ConfigError(
            f"expected calendar files, or -c with a configuration that names some; no {DEFAULT_CONFIG} here"
        )
    place = config or DEFAULT_CONFIG
    paths = list(load_config(place, needs_source=False).calendar_files())
    if not paths:
        raise ConfigError(f"{place}: suppression.calendar.files: names no calendar file that is there")
    return paths
