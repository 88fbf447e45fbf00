"""How a Kafka client fails, and how long to wait before the next one."""

from __future__ import annotations

from collections.abc import Callable
from gzip import BadGzipFile

FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 3.0  # a broker that came back is read again within 5 s


class StuckError(Exception):
    """A partition did not advance although there was more to read."""


class Failures:
    """Counts new clients after failures, and doubles the wait between them."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._wait_s = FIRST_WAIT_S
        self.count = 0
        self.next_try = 0.0

    def rebuild(self) -> None:
        """A client failed: count it, and wait."""
        self.count += 1
        self.wait()

    def wait(self) -> None:
        """The next try is due later, and the one after that later still."""
        self.next_try = self._monotonic() + self._wait_s
        self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)

    def is_well(self) -> None:
        """Something was read: the next failure is a new one."""
        self._wait_s = FIRST_WAIT_S


def is_about_bytes(error: BaseException) -> bool:
    """Did reading fail for what stands in the log (checksum, codec, format), and not for the way there?"""
    from kafka.errors import CorruptRecordError, KafkaError, UnsupportedCodecError

    if isinstance(error, CorruptRecordError | UnsupportedCodecError | BadGzipFile | EOFError):
        return True
    if isinstance(error, KafkaError):
        return type(error) is KafkaError  # "failed to make progress": no complete record in a full answer
    return not isinstance(error, OSError | StuckError)
