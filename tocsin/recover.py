"""Finds the state to go on from: the newest snapshot that can be believed and that fits, or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from connectors import snapshot
from connectors.journal import Journal, OpenAlarm
from detector.errors import RefusedError
from tocsin import __version__
from tocsin.closing import Pauses
from tocsin.log import logger
from tocsin.ports import EngineFactory, EnginePort


class Recovered(NamedTuple):
    """The engine to go on with; `ticks` and `positions` are empty when it starts anew."""

    engine: EnginePort
    positions: dict[str, int]
    ticks: dict[str, int]  # shard → newest tick inside the state
    closed: frozenset[str]  # partitions that were closed for good
    fallbacks: int
    recreated: int  # open alarms that the journal had lost
    pauses: Pauses  # of producers, by partition
    source: str  # identity of the log that the positions are of; empty: unknown, or no positions


def recover(directory: Path, engines: EngineFactory, journal: Journal, source: str) -> Recovered:
    """Takes the newest snapshot that is whole, of this source and of these parameters.

    Raises `RefusedError` when a newer program wrote one: going back would throw its state away.
    """
    log = logger("recover")
    engine = engines.new()
    fallbacks = 0
    for path in snapshot.newest_first(directory):
        try:
            found = snapshot.read(path)
            header, kept = found.header, found.header["engine"]
            if misfit := _misfit(header, engine.fingerprint(), source):
                log.warning("a snapshot is not used; state is rebuilt from the log", path=str(path), why=misfit)
                continue
            restored = engines.load(kept, found.arrays)
            positions = {str(name): int(offset) for name, offset in header["positions"].items()}
            ticks = {str(shard): int(tick) for shard, tick in header["ticks"].items()}
            recreated = _heal(journal, header, ticks)
        except (snapshot.BadSnapshotError, KeyError, TypeError, AttributeError, ValueError) as error:
            fallbacks += 1
            log.error("a snapshot cannot be used; trying the one before", path=str(path), error=str(error))
            continue
        return Recovered(
            restored, positions, ticks, frozenset(header["closed"]), fallbacks, recreated, header.get("pauses", {}),
            header["source"],
        )  # fmt: skip
    return Recovered(engine, {}, {}, frozenset(), fallbacks, 0, {}, "")


def header_of(
    engine: EnginePort, kept: dict[str, object], journal: Journal, source: str, ticks: dict[str, int],
    closed: frozenset[str], pauses: Pauses | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What a snapshot keeps besides the engine's own header and arrays."""
    return {
        "app": __version__, "fingerprint": engine.fingerprint(), "source": source, "positions": dict(engine.positions),
        "ticks": dict(ticks), "closed": sorted(closed), "pauses": dict(pauses or {}),
        "journal_id": journal.journal_id,
        "journal_seq": journal.last_seq(), "epoch": journal.epoch,
        "open": [alarm._asdict() for alarm in journal.open_alarms()], "engine": kept,
    }  # fmt: skip


def check_source(data_dir: Path, was: str, found: str) -> None:
    """The source could not say who it is before it was reached: are our positions positions of this log?"""
    if was and found and found != was:
        raise RefusedError(
            f"{data_dir}: holds the state of source {was!r}, this one is {found!r}; "
            "if the topic was made anew, move the folder snapshots away to rebuild the state from it"
        )


def _misfit(header: dict[str, Any], fingerprint: str, source: str) -> str | None:
    if header["fingerprint"] != fingerprint:
        return "series or parameters are configured differently now"
    if source and header["source"] and header["source"] != source:  # empty: the broker cannot say yet
        return f"it belongs to source {header['source']!r}, this one is {source!r}"
    return None


def _heal(journal: Journal, header: dict[str, Any], ticks: dict[str, int]) -> int:
    """Takes over the open alarms where the journal knows less than the snapshot: it was lost, or is an old copy."""
    is_same = header["journal_id"] == journal.journal_id and header["journal_seq"] <= journal.last_seq()
    if is_same:
        return 0
    recreated = journal.recreate(OpenAlarm(**alarm) for alarm in header["open"])
    journal.advance(ticks)
    logger("recover").error("the journal is not the one that this snapshot was made with; open alarms are taken over",
                            alarms=recreated)  # fmt: skip
    return recreated
