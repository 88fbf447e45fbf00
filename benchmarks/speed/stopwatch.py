"""Times every function and component of the step, nested, by wrapping them from outside."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

PACKAGES = ("detector", "ensemble", "suppression", "tocsin")


@dataclass(slots=True)
class Node:
    """One call path: seconds in it and below it, and how often."""

    calls: int = 0
    seconds: float = 0.0
    below: dict[str, Node] = field(default_factory=dict)


@dataclass(slots=True)
class Stopwatch:
    """A tree of call paths. `watch_module` and `watch_class` replace what they find; `restore` puts it back."""

    root: Node = field(default_factory=Node)
    _at: list[Node] = field(default_factory=list)
    _replaced: list[tuple[Any, str, Any]] = field(default_factory=list)

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def run(*arguments: Any, **named: Any) -> Any:
            above = self._at[-1] if self._at else self.root
            node = above.below.get(name)
            if node is None:
                node = above.below[name] = Node()
            self._at.append(node)
            begun = time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                node.seconds += time.process_time() - begun
                node.calls += 1
                self._at.pop()

        return run

    def watch_module(self, module: ModuleType) -> None:
        """Functions of our packages that the module calls by a name of its own, imported ones too."""
        for name, value in list(vars(module).items()):
            if inspect.isfunction(value) and value.__module__.split(".")[0] in PACKAGES and not _is_generator(value):
                self._replace(module, name, self.timed(name, value))

    def watch_class(self, kind: type) -> None:
        """Methods that the class itself defines."""
        for name, value in list(vars(kind).items()):
            if inspect.isfunction(value) and not name.startswith("__") and not _is_generator(value):
                self._replace(kind, name, self.timed(f"{kind.__name__}.{name}", value))

    def _replace(self, owner: Any, name: str, value: Any) -> None:
        self._replaced.append((owner, name, vars(owner)[name]))
        setattr(owner, name, value)

    def clear(self) -> None:
        self.root = Node()

    def restore(self) -> None:
        for owner, name, value in reversed(self._replaced):
            setattr(owner, name, value)
        self._replaced.clear()


def _is_generator(function: Any) -> bool:
    return inspect.isgeneratorfunction(function)
