"""`tocsin run`: the daemon."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tocsin.commands.options import DEFAULT_CONFIG, ConfigOption


def run(
    config: ConfigOption = DEFAULT_CONFIG,
    once: Annotated[
        bool, typer.Option("--once", help="End when the source has ended and everything is delivered.")
    ] = False,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Instead of node.data_dir.", show_default=False)
    ] = None,
    is_insecure: Annotated[
        bool,
        typer.Option("--web.insecure", help="Listen where others reach it: a proxy or network keeps strangers out."),
    ] = False,
) -> None:
    """Read samples, judge every series, tell people what is left; until SIGTERM, or with --once to the end."""
    raise typer.Exit(start(config, once=once, data_dir=data_dir, is_insecure=is_insecure))


def start(path: Path, *, once: bool = False, data_dir: Path | None = None, is_insecure: bool = False) -> int:
    """Runs the daemon of a configuration and returns its exit code; raises `TocsinError` where it cannot begin."""
    from dataclasses import replace

    from tocsin.config.faults import FaultsError
    from tocsin.config.load import load_config, unwritable
    from tocsin.log import logger, setup

    config = load_config(path)
    if data_dir is not None:
        node = config.model.node.model_copy(update={"data_dir": str(data_dir.absolute())})
        config = replace(config, model=config.model.model_copy(update={"node": node}))
    setup(config.model.log.level, config.model.log.format)
    if faults := unwritable(config):
        raise FaultsError(faults)
    for warning in config.warnings:
        logger("config").warning(str(warning))
    from tocsin.assemble import assemble

    assembled = assemble(config)
    stop_pages = assembled.serve(is_insecure=is_insecure)
    try:
        return assembled.daemon.run(once=once)
    finally:
        stop_pages()
