"""One label value as it enters: text, normalised once, within its limits."""

from __future__ import annotations

import unicodedata

from connectors.mapping import Limits
from connectors.records.fault import Fault, show
from detector.schema import ALL


def read_label(value: object, place: str, limits: Limits) -> str:
    """The NFC form of a label's value; raises `Fault` bad_label.

    Empty counts as missing, as in Prometheus. `*` is refused because it names the roll-up over all values. Control
    characters and lone surrogates are refused; other odd characters are text, and pages show them escaped.
    """
    if value is None or value == "":
        raise Fault("bad_label", f"{place}: expected a label, got {'none' if value is None else 'an empty text'}")
    if not isinstance(value, str):
        raise Fault("bad_label", f"{place}: expected a text, got {show(value)}")
    text = value if value.isascii() else unicodedata.normalize("NFC", value)
    if text == ALL:
        raise Fault("bad_label", f"{place}: expected a value other than {ALL!r}, which stands for all values")
    if text.isascii() and text.isprintable() and len(text) <= limits.max_label_bytes:
        return text
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in text):
        raise Fault("bad_label", f"{place}: expected text without control characters, got {show(text)}")
    if len(text.encode()) > limits.max_label_bytes:
        raise Fault("bad_label", f"{place}: expected at most {limits.max_label_bytes} bytes, got {show(text)}")
    return text
