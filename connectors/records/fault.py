"""Why one sample or one record is refused, on its way from the reader to `Batch.rejected`."""

from __future__ import annotations

from detector.frame import RejectReason

SHOWN_CHARACTERS = 40  # a refused value is shown cut: whole payloads belong to the dead letter topic only


class Fault(Exception):
    """One refusal with its reason of the closed set; never leaves a codec or a source."""

    def __init__(self, reason: RejectReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def show(value: object) -> str:
    """A value for a message: its `repr`, cut, so that control characters stay harmless."""
    if type(value) is str:
        return ascii(value) if len(value) <= SHOWN_CHARACTERS else ascii(value[:SHOWN_CHARACTERS]) + "…"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"an object of {len(value)}"
    text = {None: "null", True: "true", False: "false"}.get(value) if value is None or isinstance(value, bool) else None
    text = text or (str(value) if isinstance(value, str) else repr(value))
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
