"""`tocsin backfill`: history becomes the snapshot from which `run` starts warm."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.commands.options import DEFAULT_CONFIG, ConfigOption, now_ms

if TYPE_CHECKING:
    from tocsin.config.config import Config


def backfill(
    data: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[DATA]...", show_default=False,
            help="Files or patterns; default: source.prometheus if it is there, else the source of run.",
        ),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    since: Annotated[
        str | None,
        typer.Option("--from", help="Where it begins: 30d, RFC 3339; default: 30d; files: all.", show_default=False),
    ] = None,
    until: Annotated[str, typer.Option("--to", help="Where it ends: ticks that begin before.")] = "now",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what a backfill that was ended left.")] = False,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Instead of node.data_dir.", show_default=False)
    ] = None,
) -> None:  # fmt: skip
    """Learn levels, profiles, scales and thresholds from history; `run` then judges from its first tick on.

    Exit code 3 if the source cannot be reached, 4 if a snapshot that goes further is there or the daemon is running.
    """
    from tocsin.config.faults import FaultsError
    from tocsin.config.load import load_config, unwritable
    from tocsin.log import setup

    loaded = load_config(config)
    if data_dir is not None:
        node = loaded.model.node.model_copy(update={"data_dir": str(data_dir.absolute())})
        from dataclasses import replace

        loaded = replace(loaded, model=loaded.model.model_copy(update={"node": node}))
    setup("warning", "console")
    if faults := unwritable(loaded):
        raise FaultsError(faults)
    now = now_ms()
    from_ms = _time("--from", since, now) if since is not None else _default_from(loaded, data, now)
    to_ms = _time("--to", until, now)
    sys.stderr.write(_run(loaded, data or [], from_ms, to_ms, resume) + "\n")


def _run(config: Config, data: list[str], from_ms: int | None, to_ms: int, resume: bool) -> str:
    from tocsin.backfill import Backfill, Window
    from tocsin.backfill_origin import build_origin, positions_after
    from tocsin.backfill_progress import BackfillProgress
    from tocsin.backfill_publish import publish
    from tocsin.build import build_controls, build_engines
    from tocsin.clock import SystemClock
    from tocsin.lock import DataDirLock

    lock = DataDirLock(config.data_dir)
    try:
        origin = build_origin(config, data, from_ms, to_ms)
        with BackfillProgress() as progress:
            progress.say(f"history from {origin.name}")
            work = Backfill(
                config.data_dir, build_engines(config), origin.source, build_controls(config).calendar,
                Window(from_ms, to_ms), SystemClock(), progress, origin.name,
            )  # fmt: skip
            learnt = work.run(resume)
            newest = max(learnt.ticks.values())
            positions = None if origin.is_own else positions_after(config, newest)
            path = publish(config, learnt, positions)
            work.clear()
        return f"{learnt.learnt} ticks up to {_iso(newest)}; wrote {path}; `tocsin run` goes on from here"
    finally:
        lock.release()


def _iso(t_ms: int) -> str:
    from suppression.body import iso

    return iso(t_ms) or ""


def _time(option: str, text: str, now: int) -> int:
    from detector.errors import ConfigError
    from tocsin.api.times import parse_time

    try:
        return parse_time(text, now)
    except ValueError as error:
        raise ConfigError(f"{option}: {error}") from error


def _default_from(config: Config, data: list[str] | None, now: int) -> int | None:
    """Thirty days, except of files: they are there to be read."""
    is_file = bool(data) or (config.source.kind == "file" and config.source.prometheus is None)
    return None if is_file or config.source.kind == "simulator" else now - 30 * 86_400_000
