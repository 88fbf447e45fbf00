"""Several files as one stream: event-time order over all of them, ties by labels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from connectors.source import Source
from connectors.tables.block import Block


def merged(source: Source) -> Iterator[Block]:
    """Blocks of a file source that was opened: what its files tell at a time, sorted by (time, labels)."""
    while not source.is_finished():
        batches = source.poll(0.0)
        keys = [key for batch in batches for key in batch.keys]
        time_ms = np.concatenate([np.empty(0, np.int64), *(batch.time_ms for batch in batches)])
        value = np.concatenate([np.empty(0, np.float64), *(batch.value for batch in batches)])
        rejected = [refused for batch in batches for refused in batch.rejected]
        if len(batches) > 1:
            times = time_ms.tolist()
            order = sorted(range(len(keys)), key=lambda row: (times[row], keys[row]))  # used at once
            keys, time_ms, value = [keys[row] for row in order], time_ms[order], value[order]
        yield Block(keys, time_ms, value, rejected, sum(batch.gaps for batch in batches))
