"""`tocsin config`: check, show and describe `tocsin.yaml`."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from tocsin.commands.options import DEFAULT_CONFIG, ConfigOption, FormOption, now_ms
from tocsin.listing import Form

app = typer.Typer(help="Check, show and describe the configuration.", no_args_is_help=True)


@app.command()
def check(config: ConfigOption = DEFAULT_CONFIG, form: FormOption = Form.table) -> None:
    """Check the configuration and the files it names: one line per fault, exit code 1 if there is one."""
    from tocsin.check import check_config, report

    checked = check_config(config, now_ms())
    sys.stdout.write(report(checked, form))
    if checked.faults:
        raise typer.Exit(1)


@app.command()
def show(
    config: ConfigOption = DEFAULT_CONFIG,
    effective: Annotated[
        bool, typer.Option("--effective", help="With every default and what the environment sets.")
    ] = False,
    form: FormOption = Form.yaml,
) -> None:
    """Print the configuration that would be in force; secrets are masked."""
    from tocsin.config.load import load_config
    from tocsin.listing import yaml_text

    loaded = load_config(config)
    value = loaded.effective() if effective else loaded.given()
    if form is Form.json:
        sys.stdout.write(json.dumps(value, indent=2) + "\n")
    elif form is Form.jsonl:
        sys.stdout.write(json.dumps(value) + "\n")
    else:
        sys.stdout.write(yaml_text(value))


@app.command()
def schema() -> None:
    """Print the JSON Schema of tocsin.yaml, for editors."""
    from tocsin.config.json_schema import json_schema
    from tocsin.config.models import ConfigModel

    sys.stdout.write(json.dumps(json_schema(ConfigModel, "tocsin.yaml"), indent=2) + "\n")
