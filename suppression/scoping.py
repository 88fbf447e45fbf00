"""Scopes on the lattice: which leaves an event or a silence speaks about."""

from __future__ import annotations

import numpy as np

from detector.frame import Bools, Ints
from detector.series import SeriesIndex
from suppression.scope import ALL, Scope


def leaf_mask(index: SeriesIndex, scope: Scope) -> Bools:
    """(S,) True for leaves inside the scope; roll-up rows are False."""
    lattice = index.lattice()
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
