"""Typed decoders made from a mapping: msgspec structs that hold just the members which are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Annotated, Any

import msgspec

from connectors.mapping import ROOT, Path, RecordMapping
from connectors.records.routing import Router

Getter = Callable[[Any], tuple[Any, ...]]
Tree = dict[str, Any]  # step → Tree, or the type of a leaf


@dataclass(frozen=True, slots=True)
class Shape:
    """A decoder of whole messages and the getters of what was asked for.

    `samples` gets the list of samples, or the object of lists, from a message. The others read one sample, or the
    object of lists: raw labels in the order of `Router.paths`, values in the order of `Router.values`.
    """

    decode: Callable[[bytes], Any]
    samples: Callable[[Any], Any]
    labels: Getter
    time: Callable[[Any], Any]
    value: Callable[[Any], Any]  # the first of `values`
    values: Getter


def make_shape(mapping: RecordMapping, router: Router) -> Shape | None:
    """The typed decoder of a mapping, or None where only the careful reader follows it.

    That is: constants in `where` that are no text, text as numbers, positions in lists, members that stand at the
    message of a batch and not at its samples, a path that is also the beginning of another.
    """
    single = mapping.layout == "single"
    paths = {path: path[1:] if single and path[0] == ROOT else path for path in mapping.paths()}
    constants = [constant for metric in mapping.metrics for _, constant in metric.where]
    if any(not isinstance(constant, str) for constant in constants) or any(m.text_numbers for m in mapping.metrics):
        return None
    if any(not path or path[0] == ROOT or any(step.isdecimal() for step in path) for path in paths.values()):
        return None
    types = _types(mapping, router, columnar=mapping.layout == "columnar")
    tree: Tree = {}
    if not all(_plant(tree, paths[path], types[path]) for path in paths):
        return None
    names = {paths[path]: ".".join(f"f{_number(tree, paths[path], depth)}" for depth in range(len(paths[path])))
             for path in paths}  # fmt: skip
    inner: Any = _struct(tree)
    outer: Any = inner if single else _wrap(mapping, list[inner] if mapping.layout == "batch" else inner)
    reach = attrgetter(".".join(["f0"] * len(mapping.samples))) if mapping.samples else _itself
    return Shape(
        decode=msgspec.json.Decoder(outer).decode,
        samples=reach,
        labels=_getter([names[paths[path]] for path in router.paths]),
        time=attrgetter(names[paths[mapping.timestamp.path]]),
        value=attrgetter(names[paths[router.values[0]]]),
        values=_getter([names[paths[path]] for path in router.values]),
    )


def _types(mapping: RecordMapping, router: Router, columnar: bool) -> dict[Path, Any]:
    """Type and default of every path: labels may be missing (routing says whether that is a fault)."""
    stamp: Any = int
    if mapping.timestamp.unit == "rfc3339":
        stamp = datetime if mapping.timestamp.assume_utc else Annotated[datetime, msgspec.Meta(tz=True)]
    label: Any = str | None
    value: Any = float
    if columnar:
        stamp, value = list[stamp], list[float]
        label = list[str] | str | None
    types: dict[Path, Any] = dict.fromkeys(router.paths, (label, None))
    for path in router.values:
        types[path] = (value,) if len(router.values) == 1 else (value | msgspec.UnsetType, msgspec.UNSET)
    types[mapping.timestamp.path] = (stamp,)
    return types


def _plant(tree: Tree, path: Path, leaf: Any) -> bool:
    for step in path[:-1]:
        tree = tree.setdefault(step, {})
        if not isinstance(tree, dict):
            return False
    if path[-1] in tree:
        return False
    tree[path[-1]] = leaf
    return True


def _number(tree: Tree, path: Path, depth: int) -> int:
    for step in path[:depth]:
        tree = tree[step]
    return list(tree).index(path[depth])


def _struct(tree: Tree) -> type[msgspec.Struct]:
    fields: list[Any] = []
    rename: dict[str, str] = {}
    for number, (step, node) in enumerate(tree.items()):
        rename[f"f{number}"] = step
        fields.append((f"f{number}", _struct(node)) if isinstance(node, dict) else (f"f{number}", *node))
    return msgspec.defstruct("Read", fields, rename=rename, gc=False, kw_only=True)


def _wrap(mapping: RecordMapping, inner: Any) -> Any:
    for step in reversed(mapping.samples):
        inner = msgspec.defstruct("Reach", [("f0", inner)], rename={"f0": step}, gc=False)
    return inner


def _getter(names: list[str]) -> Getter:
    """`attrgetter` that gives a tuple for any number of names."""
    if not names:
        return _nothing
    if len(names) == 1:
        only = attrgetter(names[0])
        return lambda value: (only(value),)
    return attrgetter(*names)


def _nothing(value: Any) -> tuple[Any, ...]:
    return ()


def _itself(value: Any) -> Any:
    return value
