"""`tocsin alarms`: what was told, and what is going on."""

from __future__ import annotations

from typing import Annotated

import typer

from tocsin.commands.kept import DataDirOption, LimitOption, MatchOption, SinceOption, query, show_list, show_one
from tocsin.commands.options import FormOption, MaybeConfigOption
from tocsin.listing import Form

app = typer.Typer(help="Look at alarms: firing, held, resolved.", no_args_is_help=True)
COLUMNS = {
    "id": "ID", "state": "STATE", "severity": "SEVERITY", "series": "SERIES", "since": "SINCE",
    "deviation": "DEVIATION", "surprise": "SURPRISE", "reason": "HELD BY", "end": "END",
}  # fmt: skip


@app.command("list")
def list_alarms(
    state: Annotated[
        list[str] | None, typer.Option("--state", help="firing, held, pending, resolved.", show_default=False)
    ] = None,
    severity: Annotated[
        list[str] | None, typer.Option("--severity", help="info, warning, critical.", show_default=False)
    ] = None,
    since: SinceOption = None,
    match: MatchOption = None,
    limit: LimitOption = 100,
    config: MaybeConfigOption = None,
    data_dir: DataDirOption = None,
    form: FormOption = Form.table,
) -> None:
    """List alarms, newest first."""
    wanted = query(limit, states=state or (), severities=severity or (), since=since, match=match)
    show_list(wanted, config, data_dir, COLUMNS, form)


@app.command("show")
def show_alarm(
    alarm: Annotated[str, typer.Argument(metavar="ID", help="The id, as `alarms list` shows it.")],
    config: MaybeConfigOption = None,
    data_dir: DataDirOption = None,
    form: FormOption = Form.table,
) -> None:
    """Show one alarm with its evidence and its timeline."""
    show_one(alarm, config, data_dir, form)
