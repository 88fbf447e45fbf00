"""`tocsin suppressed`: the ledger of what was held back, why, and how it ended."""

from __future__ import annotations

from typing import Annotated

import typer

from tocsin.commands.kept import DataDirOption, LimitOption, MatchOption, SinceOption, query, show_list, show_one
from tocsin.commands.options import FormOption, MaybeConfigOption
from tocsin.listing import Form

app = typer.Typer(help="Look at what was held back, and why.", no_args_is_help=True)
COLUMNS = {
    "id": "ID", "state": "STATE", "reason": "HELD BY", "by": "WHICH", "series": "SERIES", "since": "SINCE",
    "deviation": "DEVIATION", "surprise": "SURPRISE", "end": "END", "ended": "ENDED",
}  # fmt: skip


@app.command("list")
def list_held(
    reason: Annotated[
        list[str] | None, typer.Option("--reason", help="First held by: calendar, stack, …", show_default=False)
    ] = None,
    since: SinceOption = None,
    match: MatchOption = None,
    limit: LimitOption = 100,
    config: MaybeConfigOption = None,
    data_dir: DataDirOption = None,
    form: FormOption = Form.table,
) -> None:
    """List candidates that were ever held, newest first."""
    wanted = query(limit, reasons=reason or (), since=since, match=match, only_held=True)
    show_list(wanted, config, data_dir, COLUMNS, form)


@app.command("show")
def show_held(
    alarm: Annotated[str, typer.Argument(metavar="ID", help="The id, as `suppressed list` shows it.")],
    config: MaybeConfigOption = None,
    data_dir: DataDirOption = None,
    form: FormOption = Form.table,
) -> None:
    """Show one candidate with its evidence, its reasons and its timeline."""
    show_one(alarm, config, data_dir, form)
