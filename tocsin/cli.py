"""The command line: commands are imported on use, errors become one sentence and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from detector.errors import TocsinError
from tocsin.command_table import LazyGroup

INTERRUPTED, NO_IO = 130, 74

app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)


@app.callback()
def tocsin(
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours; NO_COLOR in the environment does it too.")]
    = False,
) -> None:  # fmt: skip
    """Turns streams of metrics into the few alarms worth waking up for, and writes down what it held back."""
    if no_color:
        os.environ["NO_COLOR"] = "1"


def main() -> None:
    """Runs a command. Exit codes: 2 usage, 74 input or output, 130 interrupted, else the error's own."""
    try:
        app(prog_name="tocsin")
    except TocsinError as error:
        _end(str(error), error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        _end(f"{name}{error.strerror or error}", NO_IO)


def _end(message: str, code: int) -> None:
    sys.stderr.write(f"tocsin: {message}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
