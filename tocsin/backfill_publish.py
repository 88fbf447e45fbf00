"""The end of a backfill: its engine as a snapshot that the daemon recovers from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from connectors import snapshot
from connectors.journal import NAME as JOURNAL_NAME
from connectors.journal import Journal
from tocsin.backfill import Learnt, detached, refuse_newer
from tocsin.build import build_receivers
from tocsin.config.config import Config
from tocsin.recover import header_of


def publish(config: Config, learnt: Learnt, positions: Mapping[str, int] | None) -> Path:
    """Writes the snapshot; `positions` of the daemon's own source, None where history came from it.

    Raises `RefusedError` where a snapshot that goes further has appeared.
    """
    directory = config.data_dir / "snapshots"
    refuse_newer(config.data_dir, max(learnt.ticks.values()) + 1)
    receivers = [receiver.sink.name for receiver in build_receivers(config)]
    journal = Journal(config.data_dir / JOURNAL_NAME, receivers)
    try:
        kept, arrays = learnt.engine.save()
        if positions is not None:
            kept, arrays = detached(kept, arrays, positions)
        source = learnt.source if positions is None else ""  # the daemon's own source was not asked who it is
        header = header_of(learnt.engine, kept, journal, source, learnt.ticks, learnt.closed)
        if positions is not None:
            header.update(positions=dict(positions), closed=[])
        return snapshot.write(directory, header, arrays)
    finally:
        journal.close()
