"""Reading an alarm's body without trusting its shape: a history may hold bodies of another version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is a JSON object, else an empty one.

    >>> mapping({"a": 1}), mapping(3.0)
    ({'a': 1}, {})
    """
    return value if isinstance(value, Mapping) else {}


def mappings(value: object) -> list[Mapping[str, Any]]:
    """The JSON objects of a list; an empty list where there is none.

    >>> mappings([{"a": 1}, 2]), mappings(None)
    ([{'a': 1}], [])
    """
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, (list, tuple)) else []


def reasons_of(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Why a candidate is or was held, the first reason first; empty for one that never was."""
    return mappings(mapping(body.get("suppression")).get("reasons"))
