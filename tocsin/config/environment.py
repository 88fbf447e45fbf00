"""Environment: `${VAR}` in the file, and `TOCSIN__WEB__LISTEN=…` over it."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping

from tocsin.config.document import Expand, parse_document
from tocsin.config.faults import Fault, FaultsError
from tocsin.config.node import Node

PREFIX = "TOCSIN__"
VARIABLE = re.compile(r"\$(?:\$|\{([^}]*)\}?)")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def expander(environment: Mapping[str, str]) -> Expand:
    """Replaces `${NAME}`; `$$` is a dollar sign. A variable that is not set or empty is an error, never empty text.

    `${HOSTNAME}` is this machine's name where the environment has none.
    """

    def replace(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        name = match[1]
        if not NAME.fullmatch(name) or not match[0].endswith("}"):
            raise ValueError(f"expected ${{NAME}}, got {match[0]!r}; write $$ for a dollar sign")
        value = environment.get(name) or (socket.gethostname() if name == "HOSTNAME" else "")
        if not value:
            raise ValueError(f"the environment variable {name} is not set")
        return value

    return lambda text: VARIABLE.sub(replace, text)


def override(root: Node, environment: Mapping[str, str]) -> list[Fault]:
    """Puts every `TOCSIN__A__B=value` at `a.b`, in place; the value is read as YAML. Faults name the variable.

    Names are compared without case with names that the file has, else taken in lower case; digits pick from a list.
    """
    faults: list[Fault] = []
    for variable in sorted(name for name in environment if name.startswith(PREFIX)):
        file = f"environment variable {variable}"
        steps = variable.removeprefix(PREFIX).split("__")
        if not all(steps):
            faults.append(Fault(file, 1, 1, "", "expected names with two underscores between them"))
            continue
        try:
            document = parse_document(f"value: {environment[variable]}\n", file)
        except FaultsError as error:
            faults += error.faults
            continue
        _put(root, steps, document.value["value"], file, faults)
    return faults


def _put(node: Node, steps: list[str], value: Node, file: str, faults: list[Fault]) -> None:
    step, *rest = steps
    if isinstance(node.value, list):
        if not step.isdigit() or int(step) >= len(node.value):
            faults.append(Fault(file, 1, 1, "", f"expected a position below {len(node.value)}, got {step!r}"))
        elif rest:
            _put(node.value[int(step)], rest, value, file, faults)
        else:
            node.value[int(step)] = value
        return
    if not isinstance(node.value, dict):
        node.value = {}
    name = next((known for known in node.value if known.lower() == step.lower()), step.lower())
    node.keys[name] = (value.line, value.column)
    if not rest:
        node.value[name] = value
        return
    child = node.value.get(name)
    if not isinstance(child, Node):
        child = node.value[name] = Node({}, file, 1, 1)
    _put(child, rest, value, file, faults)
