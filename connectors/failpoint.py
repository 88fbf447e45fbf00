"""Places where a test may kill this process: `TOCSIN_FAIL=committed:3` dies at the third pass of `fp("committed")`.

Nothing happens unless `TOCSIN_TESTING=1` was set when the program started.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from typing import Literal, get_args

from detector.errors import ConfigError

Failpoint = Literal["scored", "in_txn", "committed", "snap_half", "snap_synced", "snap_linked", "sent"]
FAILPOINTS: tuple[Failpoint, ...] = get_args(Failpoint)


def parse(text: str) -> tuple[str, int]:
    """`name:n` as (name, n); n is 1 where it is left out."""
    name, _, count = text.partition(":")
    if name not in FAILPOINTS or not (count or "1").isdigit() or int(count or "1") < 1:
        raise ConfigError(f"TOCSIN_FAIL: expected NAME or NAME:N with NAME of {', '.join(FAILPOINTS)}, got {text!r}")
    return name, int(count or "1")


_armed: tuple[str, int] | None = None
if os.environ.get("TOCSIN_TESTING") == "1" and os.environ.get("TOCSIN_FAIL"):
    _armed = parse(os.environ["TOCSIN_FAIL"])
_passes: Counter[str] = Counter()


def fp(name: Failpoint) -> None:
    """Dies here by SIGKILL if this pass is the armed one."""
    if _armed is None or _armed[0] != name:
        return
    _passes[name] += 1
    if _passes[name] == _armed[1]:
        os.kill(os.getpid(), signal.SIGKILL)
