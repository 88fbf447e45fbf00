"""Listings: the same rows as a table for people, or as JSON, JSON lines or YAML for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

Row = Mapping[str, Any]


class Form(StrEnum):
    """The forms that `-o` names."""

    table = "table"
    json = "json"
    jsonl = "jsonl"
    yaml = "yaml"


def render(rows: Sequence[Row], columns: Mapping[str, str], form: Form) -> str:
    """The rows as text; `columns` maps keys to headings and chooses what a table shows, other forms have all keys."""
    if form is Form.json:
        return json.dumps(list(rows), indent=2, ensure_ascii=False) + "\n"
    if form is Form.jsonl:
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if form is Form.yaml:
        return yaml_text([dict(row) for row in rows])
    cells = [[*columns.values()], *([_cell(row.get(key)) for key in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    return "".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() + "\n" for line in cells)


def show(rows: Sequence[Row], columns: Mapping[str, str], form: Form) -> None:
    """Writes a listing on stdout."""
    sys.stdout.write(render(rows, columns, form))


def yaml_text(value: Any) -> str:
    """A plain value as YAML in the form of hand-written files."""
    import io

    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 120
    out = io.StringIO()
    yaml.dump(value, out)
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "-"
    if isinstance(value, Mapping):
        return " ".join(_pair(key, item) for key, item in value.items()) or "-"
    text = str(value)
    return "".join(c if c.isprintable() else "�" for c in text)  # no terminal control from a file


def _pair(key: str, value: Any) -> str:
    """`region=eu-*|us-*`, and `device!=tv` for what a scope excludes."""
    if isinstance(value, Mapping):
        signs = {"any": "=", "not": "!="}
        return " ".join(f"{key}{signs.get(name, '.')}{_cell(item).replace(', ', '|')}" for name, item in value.items())
    return f"{key}={_cell(value).replace(', ', '|')}"
