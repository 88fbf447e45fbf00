"""`tocsin explain`: the evidence of one alarm, in the terminal."""

from __future__ import annotations

from typing import Annotated

import typer

from tocsin.commands.kept import DataDirOption, find, open_store, show_one
from tocsin.commands.options import FormOption, MaybeConfigOption
from tocsin.listing import Form


def explain(
    alarm: Annotated[str, typer.Argument(metavar="ALARM", help="The id of an alarm or of a held candidate.")],
    config: MaybeConfigOption = None,
    data_dir: DataDirOption = None,
    form: FormOption = Form.table,
) -> None:
    """Say why an alarm was raised or held: scorers, votes, reasons considered, witnesses, event, threshold."""
    store = open_store(config, data_dir)
    body = find(store, alarm)
    kept = ("alarm_id", "revision", "state", "severity", "summary", "evidence", "suppression")
    shown = body if form is Form.table else {name: body.get(name) for name in kept}
    show_one(shown, store.timeline(str(body["alarm_id"])), form)
