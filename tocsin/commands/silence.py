"""`tocsin silence`: add, list and end silences; the file keeps its comments."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tocsin.commands.options import DEFAULT_CONFIG, FormOption, MaybeConfigOption, now_ms
from tocsin.listing import Form, show

app = typer.Typer(help="Silence what is known, for a while.", no_args_is_help=True)
FileOption = Annotated[
    Path | None,
    typer.Option("--file", help="The silences file; default: that of the configuration.", show_default=False),
]
COLUMNS = {"id": "ID", "state": "STATE", "match": "MATCH", "since": "SINCE", "until": "UNTIL", "by": "BY", "why": "WHY"}


@app.command()
def add(
    match: Annotated[
        list[str], typer.Option("--match", help="Labels: region=eu-*,activity=login or device!=tv. Repeats.")
    ],
    until: Annotated[str, typer.Option("--until", help="RFC 3339, or from now: 2h, 3d.")],
    why: Annotated[str, typer.Option("--why", help="The reason, for those who read it at night.")],
    since: Annotated[str, typer.Option("--since", help="RFC 3339, or relative to now.")] = "now",
    by: Annotated[str | None, typer.Option("--by", help="Who; default: your user name.", show_default=False)] = None,
    file: FileOption = None,
    config: MaybeConfigOption = None,
) -> None:
    """Add a silence and print its id."""
    from detector.errors import ConfigError
    from tocsin.moment import parse_moment
    from tocsin.silences_edit import add_silence

    now = now_ms()
    since_ms, until_ms = parse_moment(since, now, "--since"), parse_moment(until, now, "--until")
    if until_ms <= max(since_ms, now):
        raise ConfigError(f"--until: expected a time after the start and after now, got {until!r}")
    silence = add_silence(_path(file, config), parse_match(match), since_ms, until_ms, by or _user(), why)
    sys.stdout.write(f"{silence.id}\n")


@app.command("list")
def list_silences(
    every: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    file: FileOption = None,
    config: MaybeConfigOption = None,
    form: FormOption = Form.table,
) -> None:
    """List silences in force and to come."""
    from tocsin.calendar_rows import scope_row
    from tocsin.silences_edit import utc_text
    from tocsin.silences_file import load_silences

    now = now_ms()
    rows: list[dict[str, Any]] = []
    for silence in load_silences(_path(file, config)):
        state = "ended" if silence.until_ms <= now else "in force" if silence.is_in_force(now) else "to come"
        if every or state != "ended":
            row: dict[str, Any] = {"id": silence.id, "state": state, "match": scope_row(silence.scope)}
            row |= {
                "since": utc_text(silence.since_ms) if silence.since_ms else None,
                "until": utc_text(silence.until_ms),
            }
            rows.append(row | {"by": silence.by, "why": silence.why})
    show(rows, COLUMNS, form)


@app.command()
def expire(
    silence_id: Annotated[str, typer.Argument(metavar="ID", help="The id, as `silence list` shows it.")],
    file: FileOption = None,
    config: MaybeConfigOption = None,
) -> None:
    """End a silence now."""
    from tocsin.silences_edit import expire_silence

    expire_silence(_path(file, config), silence_id, now_ms())


def parse_match(texts: list[str]) -> dict[str, Any]:
    """`region=eu-*,activity=login` and `device!=tv` as a scope document; `all` alone is everything."""
    from detector.errors import ConfigError

    match: dict[str, Any] = {}
    for piece in (piece.strip() for text in texts for piece in text.split(",")):
        if piece == "all" and len(texts) == 1:
            return {"all": True}
        key, equals, value = piece.partition("=")
        name = "not" if key.endswith("!") else "any"
        key, value = key.rstrip("!").strip(), value.strip()
        if not equals or not key or not value:
            raise ConfigError(f"--match: expected region=eu-*,activity=login or device!=tv, got {piece!r}")
        match.setdefault(key, {}).setdefault(name, []).append(value)
    return {key: _short(selector) for key, selector in match.items()}


def _short(selector: dict[str, list[str]]) -> Any:
    if "not" in selector:
        return selector
    return selector["any"][0] if len(selector["any"]) == 1 else selector["any"]


def _path(file: Path | None, config: Path | None) -> Path:
    from detector.errors import ConfigError
    from tocsin.config.load import load_config

    if file is not None:
        return file
    if config is None and not DEFAULT_CONFIG.exists():
        raise ConfigError(f"expected --file, or -c with a configuration that names one; no {DEFAULT_CONFIG} here")
    place = config or DEFAULT_CONFIG
    path = load_config(place, needs_source=False).silences_file
    if path is None:
        raise ConfigError(f"{place}: suppression.silences.file: is not set; expected the file to write silences to")
    return path


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
