"""Document: YAML 1.2 text as plain values that remember where they stand; hostile text is refused, never walked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from tocsin.config.faults import Fault, FaultsError
from tocsin.config.node import Node, describe

MAX_BYTES = 5 * 1024 * 1024
MAX_DEPTH = 32
INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
INFINITE = re.compile(r"([-+]?)\.(?:inf|Inf|INF)")
CONSTANTS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip

Expand = Callable[[str], str]  # replaces ${VAR} in a scalar; ValueError says why it cannot


def read_text(path: Path, name: str | None = None) -> str:
    """The text of a file, at most 5 MiB of UTF-8; FaultsError names what is wrong with it as a file."""
    shown = name or str(path)
    try:
        if path.is_dir():
            raise FaultsError([Fault(shown, 1, 1, "", "expected a file, found a directory")])
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise FaultsError([Fault(shown, 1, 1, "", f"the file has {size:,} bytes, expected at most {MAX_BYTES:,}")])
        return decode_text(path.read_bytes(), shown)
    except FileNotFoundError:
        raise FaultsError([Fault(shown, 1, 1, "", "no such file")]) from None
    except OSError as error:
        raise FaultsError([Fault(shown, 1, 1, "", f"cannot be read: {error.strerror or error}")]) from None


def decode_text(data: bytes, file: str) -> str:
    """UTF-8 bytes (a byte order mark is allowed) as text."""
    if len(data) > MAX_BYTES:
        raise FaultsError([Fault(file, 1, 1, "", f"{len(data):,} bytes, expected at most {MAX_BYTES:,}")])
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise FaultsError([Fault(file, 1, 1, "", "expected UTF-8 text, found UTF-16")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise FaultsError([Fault(file, line, column, "", "expected UTF-8 text, found other bytes")]) from None


def parse_document(text: str, file: str, expand: Expand | None = None, small: list[Fault] | None = None) -> Node:
    """The one mapping that `text` holds, as nodes; FaultsError with file:line:col for anything else.

    Faults after which the rest still makes sense (a name given twice, an unset variable) go into `small`, if given.

    YAML 1.2 core schema (`NO` and `on` are texts, `010` is ten); times stay text. Refused: tags, aliases, names given
    twice, several documents, more than 32 levels.
    """
    if len(text) > MAX_BYTES:
        raise FaultsError([Fault(file, 1, 1, "", f"{len(text):,} characters, expected at most {MAX_BYTES:,} bytes")])
    composer = _Composer(file, expand, _events(text.removeprefix("\ufeff"), file))
    root = composer.document()
    if small is not None:
        small += composer.faults
    elif composer.faults:
        raise FaultsError(composer.faults)
    if root is None or root.value is None:
        raise FaultsError([Fault(file, 1, 1, "", "the file is empty; expected at least 'version: 1'")])
    if not isinstance(root.value, dict):
        raise FaultsError([root.fault((), f"expected names with values, found {describe(root.value)}")])
    return root


def resolve(text: str) -> Any:
    """Value of a plain scalar by the YAML 1.2 core schema.

    >>> [resolve(text) for text in ("010", "NO", "1e3", "true", "12:30")]
    [10, 'NO', 1000.0, True, '12:30']
    """
    if text in CONSTANTS:
        return CONSTANTS[text]
    if INTEGER.fullmatch(text) and len(text) <= 4_000:
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if FLOAT.fullmatch(text):
        return float(text)
    infinite = INFINITE.fullmatch(text)
    if infinite:
        return float(f"{infinite[1]}inf")
    return float("nan") if text in (".nan", ".NaN", ".NAN") else text


def _events(text: str, file: str) -> Iterator[Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        context = error.context or ""
        begun = error.context_mark
        if begun is not None and context and begun.line + 1 != line:
            context += f" that starts on line {begun.line + 1}"
        reason = ", ".join(filter(None, [error.problem or "not YAML", context]))
        raise FaultsError([Fault(file, line, column, "", reason)]) from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        reason = f"the character {error.character!r} is not allowed in YAML"
        raise FaultsError([Fault(file, line, column, "", reason)]) from None
    except (YAMLError, ValueError) as error:
        raise FaultsError([Fault(file, 1, 1, "", f"not YAML: {error}")]) from None


class _Composer:
    """Events to nodes; small faults are collected, those after which nothing makes sense end it."""

    def __init__(self, file: str, expand: Expand | None, events: Iterator[Any]) -> None:
        self.file = file
        self.expand = expand
        self.events = events
        self.faults: list[Fault] = []

    def document(self) -> Node | None:
        root: Node | None = None
        documents = 0
        for event in self.events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    self._stop(event, "a second document starts here; expected one")
            elif kind not in ("StreamStartEvent", "DocumentEndEvent", "StreamEndEvent"):
                root = self._node(event, 0)
        return root

    def _node(self, event: Any, depth: int) -> Node:
        kind = type(event).__name__
        if kind == "AliasEvent":
            self._stop(event, f"aliases (*{event.anchor}) are not allowed; write the value out")
        if event.tag is not None:
            self._stop(event, f"the tag {event.tag} is not allowed")
        line, column = _place(event)
        if kind == "ScalarEvent":
            return Node(self._scalar(event), self.file, line, column)
        if depth >= MAX_DEPTH:
            self._stop(event, f"nested deeper than {MAX_DEPTH}")
        if kind == "SequenceStartEvent":
            items = []
            while type(item := next(self.events)).__name__ != "SequenceEndEvent":
                items.append(self._node(item, depth + 1))
            return Node(items, self.file, line, column)
        return self._mapping(Node({}, self.file, line, column), depth)

    def _mapping(self, mapping: Node, depth: int) -> Node:
        while type(key := next(self.events)).__name__ != "MappingEndEvent":
            if type(key).__name__ != "ScalarEvent":
                self._stop(key, "expected a name, found an alias or a collection")
            name, place = str(key.value), _place(key)
            if key.tag is not None:
                self._stop(key, f"the tag {key.tag} is not allowed")
            value = self._node(next(self.events), depth + 1)
            if name in mapping.keys:
                first = mapping.keys[name][0]
                reason = f"{name!r} is given twice, first on line {first}"
                self.faults.append(Fault(self.file, *place, "", reason))
            else:
                mapping.value[name] = value
                mapping.keys[name] = place
        return mapping

    def _scalar(self, event: Any) -> Any:
        text = str(event.value)
        if self.expand is not None and "$" in text:
            try:
                text = self.expand(text)
            except ValueError as error:
                self.faults.append(Fault(self.file, *_place(event), "", str(error)))
                return text
        return resolve(text) if event.implicit[0] else text

    def _stop(self, event: Any, reason: str) -> NoReturn:
        raise FaultsError([*self.faults, Fault(self.file, *_place(event), "", reason)])


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1
