"""The common movement of rows that belong together, and what the others did without each of them.

A weighted mean in two Huber steps (Huber 1964) from the last tick's; weights are inverse variances.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from detector.frame import Bools, Ints
from detector.grouping import Shape
from detector.view import Float32s

HUBER = 2.5  # standard deviations at which a row's pull on the common factor is cut (Huber 1964)
STRETCH = 32_768  # rows of a shape worked on at a time: their scratch stays in the second-level cache
SUMMED = 64  # float32 numbers that are added one after the other; more are added in float64, stretch by stretch
ONE, ZERO = np.float32(1), np.float32(0)


def factor_by_code(
    x: Float32s, known: Float32s, total: Float32s, usable: Bools, code: NDArray[np.int64], present: Ints,
    factor: Float32s,
) -> tuple[Float32s, Float32s, Bools]:  # fmt: skip
    """(n,) movement of the others, variance of row and others, whether the group is a pair; moves `factor` in place.

    `x`, `known`, `total` (n,): deviation, variance that is known, and with what is learnt; `usable` (n,) takes part;
    `code` (n,) group; `present` (groups,) rows that take part; `factor` (n,) one value in a group. NaN: no opinion.
    """
    groups = len(present)
    weight = np.where(usable, ONE / total, ZERO)
    d = np.bincount(code, weight, groups)
    pair = np.take(present < 3, code)
    limit = np.sqrt(total)
    limit *= np.float32(HUBER)
    limit[pair] = np.inf
    low = -limit
    inverse = np.divide(1, d, out=np.zeros_like(d), where=d > 0)
    r, n = _pull(x, weight, low, limit, factor, code, groups)
    factor += np.take((n * inverse).astype(np.float32), code)
    r, n = _pull(x, weight, low, limit, factor, code, groups)
    rest = np.take(d.astype(np.float32), code)
    rest -= weight
    other: Float32s = np.take(n.astype(np.float32), code)
    with np.errstate(divide="ignore", invalid="ignore"):
        other -= r
        other /= rest
        noise: Float32s = ONE / rest
    other += factor
    factor += np.take((n * inverse).astype(np.float32), code)
    noise += known
    other[~usable | (rest <= 0)] = np.nan
    return other, noise, pair


def _pull(
    x: Float32s, weight: Float32s, low: Float32s, limit: Float32s, factor: Float32s, code: NDArray[np.int64],
    groups: int,
) -> tuple[Float32s, NDArray[np.float64]]:  # fmt: skip
    """(n,) weighted and cut distances from the factor, and their sums by group."""
    r: Float32s = x - factor
    np.minimum(r, limit, out=r)
    np.maximum(r, low, out=r)
    r *= weight
    return r, np.bincount(code, r, groups)  # type: ignore[return-value]


def factor_by_shape(
    x: Float32s, known: Float32s, pe2: Float32s, usable: Bools | None, shape: Shape, factor: Float32s,
    out: tuple[Float32s, Float32s, Bools],
) -> None:  # fmt: skip
    """As `factor_by_code` for rows that are a product: read as (outer, r, inner), the middle are the siblings.

    `usable` None: all rows take part. Writes into `out` (n,). Sums in float32: it differs by their rounding.
    """
    read = x.reshape(shape), known.reshape(shape), pe2.reshape(shape), factor.reshape(shape)
    written = out[0].reshape(shape), out[1].reshape(shape), out[2].reshape(shape)
    there = None if usable is None else usable.reshape(shape)
    for part in stretches(shape, STRETCH):
        some = None if there is None else there[part]
        _by_shape(
            read[0][part], read[1][part], read[2][part], read[3][part], written[0][part], written[1][part],
            written[2][part], some,
        )  # fmt: skip


def stretches(shape: Shape, rows: int) -> Iterator[tuple[slice, slice, slice]]:
    """Parts of a shape of about `rows` rows that keep every group whole.

    >>> [tuple((s.start, s.stop) for s in part) for part in stretches((3, 2, 4), 8)]
    [((0, 1), (None, None), (None, None)), ((1, 2), (None, None), (None, None)), ((2, 3), (None, None), (None, None))]
    >>> [part[2] for part in stretches((1, 4, 5), 8)]
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    outer, r, inner = shape
    everything = slice(None)
    if outer > 1:
        step = max(1, rows // (r * inner))
        for low in range(0, outer, step):
            yield slice(low, min(low + step, outer)), everything, everything
    else:
        step = max(1, rows // r)
        for low in range(0, inner, step):
            yield everything, everything, slice(low, min(low + step, inner))


def _by_shape(
    x: Float32s, known: Float32s, pe2: Float32s, factor: Float32s, other: Float32s, noise: Float32s, pair: Bools,
    usable: Bools | None,
) -> None:  # fmt: skip
    total = known + pe2
    weight = ONE / total
    if usable is None:
        pair[...] = x.shape[1] < 3
    else:
        weight *= usable
        pair[...] = np.count_nonzero(usable, axis=1, keepdims=True) < 3
    limit = np.sqrt(total, out=total)
    limit *= np.float32(HUBER)
    if usable is not None or x.shape[1] < 3:
        limit[pair] = np.inf
    low = -limit
    d = _sum(weight)
    inverse = np.divide(ONE, d, out=np.zeros_like(d), where=d > 0)
    f = factor[:, :1].copy()
    r = x - f
    _cut(r, weight, low, limit)
    f += _sum(r) * inverse
    np.subtract(x, f, out=r)
    _cut(r, weight, low, limit)
    n = _sum(r)
    rest = np.subtract(d, weight, out=weight)
    with np.errstate(divide="ignore", invalid="ignore"):
        np.subtract(n, r, out=r)
        r /= rest
        np.divide(ONE, rest, out=low)
    np.add(r, f, out=other)
    np.add(low, known, out=noise)
    if usable is not None:
        other[~usable | (rest <= 0)] = np.nan
    factor[...] = f + n * inverse


def _cut(r: Float32s, weight: Float32s, low: Float32s, limit: Float32s) -> None:
    np.minimum(r, limit, out=r)
    np.maximum(r, low, out=r)
    r *= weight


def _sum(a: Float32s) -> Float32s:
    """(outer, 1, inner) sums over the middle of (outer, r, inner)."""
    r = a.shape[1]
    if r <= SUMMED or a.shape[2] == 1:  # along contiguous memory numpy adds in pairs
        out: Float32s = np.add.reduce(a, axis=1, keepdims=True)
        return out
    total = np.zeros((a.shape[0], 1, a.shape[2]))
    for at in range(0, r, SUMMED):
        total += np.add.reduce(a[:, at : at + SUMMED], axis=1, keepdims=True)
    return total.astype(np.float32)
