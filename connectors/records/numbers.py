"""One value of a sample: a finite number, or a gap."""

from __future__ import annotations

import math

from connectors.mapping import MetricMapping, show_path
from connectors.records.fault import Fault, show

MAX_INTEGER_DIGITS = 20  # what 64 bits hold; a longer whole number is a mistake of the producer, not a measurement
GAP = math.nan
NAN_TEXTS = frozenset({"nan", "+nan", "-nan"})


class LongInteger(str):
    """A whole number in JSON with more digits than 64 bits hold."""

    __slots__ = ()


def parse_integer(digits: str) -> int | LongInteger:
    """For `json.loads(parse_int=...)`; Python reads 30 digits exactly and refuses 5,000 with an error of its own."""
    return LongInteger(digits) if len(digits.lstrip("-")) > MAX_INTEGER_DIGITS else int(digits)


def read_value(value: object, metric: MetricMapping) -> float:
    """A float64, NaN for a gap; raises `Fault` bad_value.

    A null, the NaN token and the text "NaN" are gaps. Whole numbers beyond 2^53 are rounded to the nearest float64.
    """
    place = show_path(metric.value)
    if value is None:
        return GAP
    if isinstance(value, LongInteger):
        raise Fault(
            "bad_value", f"{place}: expected a number of at most {MAX_INTEGER_DIGITS} digits, got {show(value)}"
        )
    if isinstance(value, str):
        return read_value_text(value, metric) if metric.text_numbers else _text_gap(value, place)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Fault("bad_value", f"{place}: expected a number, got {show(value)}")
    return _checked(float(value), metric, value)


def read_value_text(text: str, metric: MetricMapping) -> float:
    """The same for a number that stands as text (Prometheus' JSON, a cell of a CSV file)."""
    try:
        if "_" in text:  # Python's own spelling of numbers, nobody else's
            raise ValueError
        number = float(text)
    except ValueError:
        raise Fault("bad_value", f"{show_path(metric.value)}: expected a number, got {show(text)}") from None
    return _checked(number, metric, text)


def _text_gap(text: str, place: str) -> float:
    if text.lower() in NAN_TEXTS:
        return GAP
    raise Fault("bad_value", f"{place}: expected a number, got the text {show(text)} (value.text: true reads it)")


def _checked(number: float, metric: MetricMapping, value: object) -> float:
    if math.isinf(number):
        raise Fault("bad_value", f"{show_path(metric.value)}: expected a finite number, got {show(value)}")
    if metric.minimum is not None and number < metric.minimum:
        raise Fault("bad_value", f"{show_path(metric.value)}: expected at least {metric.minimum:g}, got {show(value)}")
    return number
