"""Node: a value of a file that remembers where it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from tocsin.config.faults import Fault, Loc, dotted


@dataclass(slots=True)
class Node:
    """One value of a file: a scalar, a list of nodes, or a mapping of names to nodes with the places of the names."""

    value: Any  # str | int | float | bool | None | list[Node] | dict[str, Node]
    file: str
    line: int
    column: int
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)  # places of the names of a mapping

    def plain(self) -> Any:
        """Nested dicts, lists and scalars without places."""
        if isinstance(self.value, dict):
            return {name: node.plain() for name, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def step(self, piece: str | int) -> Node | None:
        """The child of that name or position, if there is one."""
        if isinstance(self.value, dict):
            child = self.value.get(str(piece))
            return child if isinstance(child, Node) else None
        if isinstance(self.value, list) and isinstance(piece, int) and piece < len(self.value):
            found = self.value[piece]
            return found if isinstance(found, Node) else None
        return None

    def fault(self, loc: Loc, reason: str, *, at_key: bool = False) -> Fault:
        """A fault at this path below the node; pieces that are not in the file (validators' names) are left out.

        `at_key` points at the name and not at the value; a path that ends before its last piece points at the nearest
        mapping that is there.
        """
        node, path = self, list[str | int]()
        line, column, file = self.line, self.column, self.file
        for i, piece in enumerate(loc):
            child = node.step(piece)
            if child is None:
                if isinstance(node.value, dict) and i == len(loc) - 1:
                    path.append(piece)  # a name that is missing
                continue
            if at_key and i == len(loc) - 1 and str(piece) in node.keys:
                line, column = node.keys[str(piece)]
            else:
                line, column = child.line, child.column
            path.append(piece)
            node, file = child, child.file
        return Fault(file, line, column, dotted(tuple(path)), reason)


def describe(value: object) -> str:
    """A short word for a value of the wrong type."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def did_you_mean(word: str, known: list[str]) -> str:
    """`; did you mean 'start'?`, or nothing if no known word is near."""
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""
