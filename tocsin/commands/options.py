"""Options that several commands share."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from tocsin.listing import Form

DEFAULT_CONFIG = Path("tocsin.yaml")
ConfigOption = Annotated[Path, typer.Option("-c", "--config", help="The configuration file.")]
MaybeConfigOption = Annotated[Path | None, typer.Option("-c", "--config", help="The configuration file.")]
FormOption = Annotated[Form, typer.Option("-o", "--output", help="How to print: table, json, jsonl or yaml.")]
ZoneOption = Annotated[str, typer.Option("--tz", help="Time zone of what is printed, such as Europe/Berlin.")]


def now_ms() -> int:
    """The wall clock; commands are where it enters."""
    return time.time_ns() // 1_000_000
