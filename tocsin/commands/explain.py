"""`tocsin explain`: the evidence of one alarm, in the terminal."""

from __future__ import annotations

from typing import Annotated

import typer

from tocsin.commands.kept import DataDirOption, show_one
from tocsin.commands.options import FormOption, MaybeConfigOption
from tocsin.listing import Form

FIELDS = ("alarm_id", "revision", "state", "severity", "summary", "evidence", "suppression")


def explain(
    alarm: Annotated[str, typer.Argument(metavar="ALARM", help="The id of an alarm or of a held candidate.")],
    config: MaybeConfigOption = None,
    data_dir: DataDirOption = None,
    form: FormOption = Form.table,
) -> None:
    """Say why an alarm was raised or held: scorers, votes, reasons considered, witnesses, event, threshold."""
    show_one(alarm, config, data_dir, form, FIELDS)
