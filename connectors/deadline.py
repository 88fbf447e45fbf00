"""A limit for a whole HTTP exchange: per-read timeouts alone let a receiver drip one byte a second for ever."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


class Deadline:
    """Remembers the connection of an httpx client (by its `trace` extension) and cuts it when time is over.

    For a client with one connection at a time. `is_over` says afterwards that it was us who cut.
    """

    def __init__(self) -> None:
        self.is_over = False
        self._stream: Any = None

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """The callback for `extensions={"trace": ...}`."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._stream = info.get("return_value")

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Cuts the connection if the block takes longer."""
        self.is_over = False
        timer = threading.Timer(seconds, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cut(self) -> None:
        self.is_over = True
        found = self._stream.get_extra_info("socket") if self._stream is not None else None
        if found is not None:
            with suppress(OSError):  # it ended by itself in the meantime
                found.shutdown(socket.SHUT_RDWR)
