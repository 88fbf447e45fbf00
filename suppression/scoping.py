"""Scopes on the lattice: which leaves an event or a silence speaks about."""

from __future__ import annotations

import numpy as np

from detector.frame import Bools, Ints
from detector.series import Lattice, SeriesIndex
from suppression.scope import ALL, Scope

MOST_KEPT = 64  # masks of scopes; silences come and go


def leaf_mask(index: SeriesIndex, scope: Scope) -> Bools:
    """(S,) True for leaves inside the scope; roll-up rows are False. Kept by the lattice: do not write into it."""
    lattice = index.lattice()
    kept = lattice.kept.masks
    if scope not in kept:
        if len(kept) >= MOST_KEPT:
            kept.clear()
        kept[scope] = _leaf_mask(index, lattice, scope)
        kept[scope].flags.writeable = False
    return kept[scope]


def _leaf_mask(index: SeriesIndex, lattice: Lattice, scope: Scope) -> Bools:
    inside = lattice.leaf.copy()
    schema = index.schema
    for key in scope.keys:
        if key == "metric":
            allowed = np.asarray([scope.allows(key, m.name) for m in schema.metrics], bool)
            inside &= allowed[lattice.metric]
            continue
        name, _, parent = key.partition(".")
        d = schema.dimension_names.index(name) if name in schema.dimension_names else -1
        if d < 0:
            inside &= scope.allows(key, ALL)
            continue
        texts, _ = index.vocabulary(d)
        allowed = np.asarray([scope.allows(key, text) for text in texts], bool)
        codes: Ints = lattice.codes[d].astype(np.int64)
        if parent:
            names = [p.name for p in schema.dimensions[d].parents]
            if parent not in names:
                inside &= scope.allows(key, ALL)
                continue
            above = index.parent_codes(d, names.index(parent))[codes]
            inside &= np.where(above >= 0, allowed[above], scope.allows(key, ALL))
        else:
            inside &= allowed[codes]
    return inside
