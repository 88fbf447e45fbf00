"""Secret: a text that never shows itself, and the files that hold such texts."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tocsin.config.faults import Fault
from tocsin.config.node import Node

MASK = "***"
SECRETS = (
    "sasl_password",
    "ssl_password",
    "secret",
    "bearer_token",
    "basic_auth_password",
)  # each may be given as NAME_file instead


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """Text to be revealed only where it is sent; printed, logged or dumped it is `***`."""

    _text: str

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return MASK

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            cls._read, serialization=core_schema.plain_serializer_function_ser_schema(lambda _: MASK)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "writeOnly": True}

    @classmethod
    def _read(cls, value: object) -> Secret:
        if isinstance(value, Secret):
            return value
        if not isinstance(value, str):
            raise ValueError("expected a text in quotes")  # the value itself must not be shown
        if not value:
            raise ValueError("expected a text, got an empty one")
        return cls(value)


def read_secret_files(root: Node, folder: Path) -> tuple[list[Fault], list[Fault]]:
    """Puts the content of every `NAME_file` (relative to `folder`) as NAME beside it; returns faults and warnings."""
    faults: list[Fault] = []
    warnings: list[Fault] = []
    for mapping in _mappings(root):
        for name in SECRETS:
            node = mapping.value.get(f"{name}_file")
            if name in mapping.value and mapping.value[name].value is not None:
                if node is not None and node.value is not None:
                    faults.append(node.fault((), f"{name} and {name}_file exclude each other"))
                elif not mapping.value[name].file.startswith("environment"):
                    warnings.append(mapping.value[name].fault((), f"a secret in the file itself; prefer {name}_file"))
            elif node is not None and isinstance(node.value, str):
                _take(mapping, name, node, folder, faults, warnings)
    return faults, warnings


def _take(mapping: Node, name: str, node: Node, folder: Path, faults: list[Fault], warnings: list[Fault]) -> None:
    path = folder / node.value
    try:
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        faults.append(node.fault((), f"the secret's file {path} cannot be read: {reason}"))
        return
    if not text:
        faults.append(node.fault((), f"the secret's file {path} is empty"))
        return
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        warnings.append(node.fault((), f"{path} can be read by everybody (mode {stat.S_IMODE(mode):04o}); use 0600"))
    mapping.value[name] = Node(text, node.file, node.line, node.column)
    mapping.keys[name] = (node.line, node.column)


def _mappings(node: Node) -> list[Node]:
    """All mappings at or below `node`."""
    if isinstance(node.value, dict):
        return [node, *(found for child in node.value.values() for found in _mappings(child))]
    if isinstance(node.value, list):
        return [found for child in node.value for found in _mappings(child)]
    return []
