"""How many notifications a receiver may get per minute of wall time: a token bucket."""

from __future__ import annotations


class TokenBucket:
    """Holds up to `per_minute` tokens and refills evenly; None means no limit. Times are monotonic seconds."""

    def __init__(self, per_minute: int | None, now_s: float) -> None:
        self._per_minute = per_minute
        self._tokens = float(per_minute or 0)
        self._at_s = now_s

    def take(self, now_s: float, tokens: int = 1) -> bool:
        """Takes the tokens, all or none."""
        if self._per_minute is None:
            return True
        if self.level(now_s) < tokens - 1e-9:  # refilling rounds
            return False
        self._tokens -= tokens
        return True

    def level(self, now_s: float) -> float:
        if self._per_minute is None:
            return float("inf")
        self._tokens = min(self._per_minute, self._tokens + (now_s - self._at_s) * self._per_minute / 60)
        self._at_s = now_s
        return self._tokens
