"""`tocsin rules print`: the Prometheus rules for the configured dimensions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Prometheus rules that ship with Tocsin.")


@app.callback()
def rules() -> None:
    """Prometheus rules that ship with Tocsin."""


@app.command("print")
def print_rules(
    config: Annotated[
        Path | None, typer.Option("-c", "--config", help="Take dimensions from this configuration.")
    ] = None,
    runbooks: Annotated[
        str, typer.Option(help="Where the runbook pages are published.")
    ] = "https://example.org/runbooks",
) -> None:
    """Prints the recording and alert rules as YAML, for `rule_files` of Prometheus."""
    from detector.schema import Schema
    from tocsin.rules import rules_text
    from tocsin.web.words import safe_link

    if safe_link(runbooks) is None:
        raise typer.BadParameter(f"expected an http or https address, got {runbooks!r}", param_hint="--runbooks")
    schema = Schema()
    if config is not None:
        from tocsin.config.load import load_config

        schema = load_config(config, needs_source=False).schema()
    typer.echo(rules_text(schema, runbooks.rstrip("/")), nl=False)
