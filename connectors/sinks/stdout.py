"""The sink for a terminal or a pipe: one alarm event a line, as JSON."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import BinaryIO

from connectors.cloudevents import Envelope, encode
from connectors.sink import SinkError
from suppression.alarm import AlarmEvent


class StdoutSink:
    """Writes CloudEvents to standard output; returning means that the line has left our buffer.

    A reader that went away (a closed pipe) never comes back: that is a permanent failure.
    """

    def __init__(
        self, envelope: Envelope | None = None, *, name: str = "stdout", stream: BinaryIO | None = None
    ) -> None:
        self.name = name
        self._envelope = envelope or Envelope()
        self._stream = stream or sys.stdout.buffer

    def send(self, events: Sequence[AlarmEvent]) -> None:
        try:
            for event in events:
                self._stream.write(encode(event, self._envelope) + b"\n")
            self._stream.flush()
        except (OSError, ValueError) as error:  # ValueError: the stream is closed
            raise SinkError(
                f"{self.name}: nobody reads our output ({error})", permanent=True, reason="closed"
            ) from error

    def close(self) -> None:
        """The stream is not ours to close."""
