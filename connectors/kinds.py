"""Finds the class of a kind by its name in a folder's table, and imports it only then."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points

from detector.errors import ConfigError


def resolve_kind(axis: str, table: Mapping[str, str], kind: str) -> type:
    """The class behind `kind`: from `table`, else from an installed entry point of the group `tocsin.<axis>`."""
    target = table.get(kind)
    if target is None:
        for point in entry_points(group=f"tocsin.{axis}"):
            if point.name == kind:
                target = point.value
    if target is None:
        raise ConfigError(f"{axis}: expected one of {', '.join(sorted(table))}, got {kind!r}")
    module, _, name = target.partition(":")
    found: type = getattr(import_module(module), name)
    return found
