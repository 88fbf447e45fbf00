"""Scope: which rows an event or a silence speaks about, as label patterns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

ALL = "*"


@dataclass(frozen=True, slots=True)
class Scope:
    """Label patterns; empty matches everything. A selector is patterns that may match and patterns that must not.

    Keys are `metric`, a dimension (`device`) or a parent level (`device.family`). Patterns are shell patterns
    (`fnmatchcase`), never regular expressions. All keys must allow; within a key any pattern may match. A roll-up
    (value `*`) is allowed by a key only if the key is not restricted at all, or is matched by a bare `*`.
    """

    match: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exclude: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((tuple(sorted(self.match.items())), tuple(sorted(self.exclude.items()))))

    @property
    def keys(self) -> tuple[str, ...]:
        """Restricted keys, sorted; a caller that vectorises needs `allows` only for these."""
        return tuple(sorted({*self.match, *self.exclude}))

    @property
    def is_everything(self) -> bool:
        """True if no row can be outside."""
        return not self.exclude and all(ALL in patterns for patterns in self.match.values())

    def allows(self, dimension: str, value: str) -> bool:
        """Does the key `dimension` (`region`, `device.family`, `metric`) allow rows with this value?

        >>> Scope({"region": ("us-*", "ca")}).allows("region", "us-east")
        True
        >>> Scope(exclude={"device": ("automotive",)}).allows("device", "*")
        False
        """
        patterns = self.match.get(dimension)
        excluded = self.exclude.get(dimension, ())
        if value in (ALL, ""):  # a roll-up over the dimension, or a metric that does not have it
            return not excluded and (patterns is None or ALL in patterns)
        if patterns is not None and not any(fnmatchcase(value, pattern) for pattern in patterns):
            return False
        return not any(fnmatchcase(value, pattern) for pattern in excluded)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Are these labels (`metric`, dimensions, `device_family` for the parent level `device.family`) inside?

        A label that is missing counts as `*`. For a scope on a parent level the labels of a leaf must hold that parent.
        """
        return all(self.allows(key, labels.get(key.replace(".", "_"), ALL)) for key in self.keys)
