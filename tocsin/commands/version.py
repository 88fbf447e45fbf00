"""`tocsin version`: what is installed."""

from __future__ import annotations

import platform

import typer

from tocsin import __version__


def version() -> None:
    """Print the version of Tocsin and of the Python that runs it."""
    typer.echo(f"tocsin {__version__} (Python {platform.python_version()})")
