"""The table of commands, and the group that imports a command only when it is used: `--help` stays fast."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup
from typer.main import get_command as command_of


class Entry(NamedTuple):
    """Where a command is defined (`module:name`, a function or a typer app), and its line in the help."""

    target: str
    help: str


TABLE = {
    "demo": Entry("demo:demo", "Show on a simulated world what wakes you, what is held, and why."),
    "run": Entry("run:run", "Watch: read samples, judge every tick, tell the alarms."),
    "backfill": Entry("backfill:backfill", "Learn from history, so that run judges from its first tick on."),
    "backtest": Entry("backtest:backtest", "Run files through the engine: which alarms would there have been?"),
    "feed": Entry("feed:feed", "Put files into a Kafka topic, in event-time order."),
    "config": Entry("config:app", "Check, show and describe the configuration."),
    "calendar": Entry("calendar:app", "Check, list and look ahead in the calendar; import it."),
    "silence": Entry("silence:app", "Silence what is known, for a while."),
    "alarms": Entry("alarms:app", "Look at alarms: firing, held, resolved."),
    "suppressed": Entry("suppressed:app", "Look at what was held back, and why."),
    "explain": Entry("explain:explain", "Show the evidence of one alarm."),
    "rules": Entry("rules:app", "Print the Prometheus rules for the configured dimensions."),
    "health": Entry("health:health", "Ask a running Tocsin whether its loop turns."),
    "version": Entry("version:version", "Print the version."),
}


class LazyGroup(TyperGroup):
    """The framework's group with `TABLE` for its commands; overriding is the one way that it offers."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(TABLE)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in TABLE:
            return load(cmd_name)
        if not cmd_name.startswith("-") and not ctx.resilient_parsing:
            near = get_close_matches(cmd_name, TABLE, n=1)
            ctx.fail(f"No such command {cmd_name!r}.{f' Did you mean {near[0]!r}?' if near else ''}")
        return None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in TABLE.items()])


def load(name: str) -> Any:
    """Imports a command and gives it as the framework's object."""
    module, _, attribute = TABLE[name].target.partition(":")
    found = getattr(import_module(f"tocsin.commands.{module}"), attribute)
    outer = typer.Typer(add_completion=False, rich_markup_mode=None)
    outer.callback()(_nothing)  # keeps `outer` a group also when it has one command
    if isinstance(found, typer.Typer):
        found.rich_markup_mode = None
        outer.add_typer(found, name=name)
    else:
        command: Callable[..., Any] = found
        outer.command(name)(command)
    return command_of(outer).get_command(None, name)  # type: ignore[attr-defined]


def _nothing() -> None:
    """Nothing happens between the program and its command."""
