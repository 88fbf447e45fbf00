"""Validation: a document against a model, with every fault at its place."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from tocsin.config.faults import Fault, Loc
from tocsin.config.fields import model_names
from tocsin.config.node import Node, describe, did_you_mean

M = TypeVar("M", bound=BaseModel)
WORDS = {
    "string_type": "expected a text", "int_type": "expected a whole number", "float_type": "expected a number",
    "bool_type": "expected true or false", "dict_type": "expected names with values", "tuple_type": "expected a list",
    "model_type": "expected names with values", "model_attributes_type": "expected names with values",
}  # fmt: skip
BOUNDS = {
    "too_short": ("at least {} of them", "min_length"), "too_long": ("at most {} of them", "max_length"),
    "string_too_short": ("a text that is not empty", ""), "string_too_long": ("at most {} characters", "max_length"),
    "greater_than": ("a number above {}", "gt"), "greater_than_equal": ("at least {}", "ge"),
    "less_than_equal": ("at most {}", "le"), "finite_number": ("a finite number", ""),
}  # fmt: skip


def validate(model: type[M], root: Node, at: Loc = (), without: tuple[str, ...] = ()) -> tuple[M | None, list[Fault]]:
    """The value of the node `at` below `root`, or None with all faults of shape and type.

    `without` names keys that are not looked at here, because each of their items is validated on its own.
    """
    node = root
    for piece in at:
        child = node.step(piece)
        assert child is not None, at
        node = child
    plain = node.plain()
    if isinstance(plain, dict):
        plain = {name: value for name, value in plain.items() if name not in without}
    try:
        return model.model_validate(plain), []
    except ValidationError as error:
        return None, [fault for detail in error.errors() for fault in _faults(model, root, at, detail)]


def _faults(model: type[BaseModel], root: Node, at: Loc, detail: Any) -> list[Fault]:
    loc: Loc = (*at, *detail["loc"])
    kind = detail["type"]
    if kind == "inside":
        return [root.fault((*loc, *below), reason) for below, reason in detail["ctx"]["faults"]]
    if kind == "extra_forbidden":
        known = model_names(model, _real(root, loc[:-1])[len(at) :])
        reason = f"unknown key{did_you_mean(str(loc[-1]), known)}"
        if "did you mean" not in reason and known:
            reason += f"; known are {', '.join(known)}"
        return [root.fault(loc, reason, at_key=True)]
    if kind == "missing":
        return [root.fault(loc, "is required")]
    if kind in WORDS:
        return [root.fault(loc, f"{WORDS[kind]}, got {describe(detail['input'])}{_quotes(kind, detail['input'])}")]
    if kind in BOUNDS:
        form, name = BOUNDS[kind]
        expected = form.format(detail.get("ctx", {}).get(name))
        return [root.fault(loc, f"expected {expected}, got {describe(detail['input'])}")]
    reason = detail["msg"].removeprefix("Value error, ").replace("Input should", "should", 1)
    if kind == "literal_error":
        expected = detail["ctx"]["expected"]
        options = [option.strip("' ") for option in expected.replace(" or ", ", ").split(",")]
        reason = f"expected {expected}, got {describe(detail['input'])}{did_you_mean(str(detail['input']), options)}"
    elif kind not in ("value_error", "assertion_error"):
        reason = f"{reason}, got {describe(detail['input'])}"
    return [root.fault(loc, reason)]


def _real(root: Node, loc: Loc) -> Loc:
    """The pieces of `loc` that are in the file; validators add names of their own."""
    node, found = root, list[str | int]()
    for piece in loc:
        child = node.step(piece)
        if child is not None:
            node = child
            found.append(piece)
    return tuple(found)


def _quotes(kind: str, value: object) -> str:
    return "; put it in quotes" if kind == "string_type" and isinstance(value, (bool, int, float)) else ""
