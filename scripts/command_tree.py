"""The commands of the program as a tree of plain values, read from its command line parser."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Option:
    """One flag or argument: its names, how the help writes it with what it takes, what it is for."""

    names: tuple[str, ...]
    written: str
    help: str
    is_argument: bool


@dataclass(frozen=True)
class Command:
    """One command: its full path, its help, its options, its commands by name."""

    path: str
    help: str
    options: tuple[Option, ...] = ()
    commands: dict[str, Command] = field(default_factory=dict)

    @property
    def flags(self) -> set[str]:
        """Every way to write a flag of this command."""
        return {flag for option in self.options if not option.is_argument for flag in option.names}


def command_tree() -> Command:
    """The whole program, loading every command."""
    import typer.main

    from tocsin import cli

    return _read(typer.main.get_command(cli.app), "tocsin")


def _read(command: Any, path: str) -> Command:
    context = command.make_context(path, [], resilient_parsing=True)
    options = tuple(_option(p, context) for p in command.params if not getattr(p, "hidden", False))
    children: dict[str, Command] = {}
    if hasattr(command, "list_commands"):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                children[name] = _read(child, f"{path} {name}")
    return Command(path, (command.help or "").strip(), options, children)


def _option(parameter: Any, context: Any) -> Option:
    is_argument = parameter.param_type_name == "argument"
    names = () if is_argument else (*parameter.opts, *parameter.secondary_opts)
    written, help_text = parameter.get_help_record(context) or ("", "")
    return Option(names, written.strip(), help_text.strip(), is_argument)
