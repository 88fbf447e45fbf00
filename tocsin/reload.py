"""Our own files, read again while running: by content, whole or not at all, the last good one stays."""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from detector.errors import ConfigError, TocsinError
from tocsin.controls_log import Files, digest, pack
from tocsin.log import logger
from tocsin.status import FileStatus

MAX_BYTES = 5 * 2**20  # refused before parsing
FileKind = Literal["calendar", "silences"]


@dataclass(frozen=True, slots=True)
class WatchedFiles:
    """Files of one kind; `patterns` may hold shell patterns; `parse` raises `TocsinError` naming the place of a fault.

    A plain name that does not exist is a fault unless `may_be_absent` (silences: nobody has silenced anything yet).
    """

    kind: FileKind
    patterns: tuple[str, ...]
    parse: Callable[[Files], object]
    may_be_absent: bool = False


class Reloader:
    """Compares contents with what is in force; `check` returns what is new and valid."""

    def __init__(self, watched: Sequence[WatchedFiles]) -> None:
        self._watched = tuple(watched)
        self._in_force: dict[str, str] = {}  # kind → hash
        self._complained: dict[str, str] = {}  # kind → hash or message of the last fault, told once
        self._status: dict[str, FileStatus] = {w.kind: FileStatus(is_good=True) for w in watched}
        self._log = logger("reload")

    def assume(self, kind: str, content_hash: str) -> None:
        """Says which content is in force (from the journal, at a start)."""
        self._in_force[kind] = content_hash

    def status(self) -> dict[str, FileStatus]:
        return dict(self._status)

    def check(self, now_ms: int) -> tuple[list[tuple[FileKind, str]], list[TocsinError]]:
        """Reads everything: (kind, text) of what changed and is valid, and the faults of what is not."""
        changed: list[tuple[FileKind, str]] = []
        faults: list[TocsinError] = []
        for watched in self._watched:
            text = ""
            try:
                files = read_files(watched)
                text = pack(files)
                if self._in_force.get(watched.kind) != digest(text):
                    watched.parse(files)
                    self._in_force[watched.kind] = digest(text)
                    changed.append((watched.kind, text))
                self._status[watched.kind] = FileStatus(True, now_ms)
                self._complained.pop(watched.kind, None)
            except TocsinError as error:
                faults.append(error)
                self._status[watched.kind] = FileStatus(False, self._status[watched.kind].last_success_ms)
                self._complain(watched.kind, digest(text) if text else str(error), error)
        return changed, faults

    def _complain(self, kind: str, content: str, error: TocsinError) -> None:
        if self._complained.get(kind) != content:
            self._complained[kind] = content
            self._log.error("a file is not valid; the last good one stays in force", file=kind, error=str(error))


def read_files(watched: WatchedFiles) -> dict[str, str]:
    """Name → content; raises `ConfigError` naming the file for anything but UTF-8 text of a sane size."""
    files: dict[str, str] = {}
    for pattern in watched.patterns:
        is_pattern = glob.has_magic(pattern)
        names = sorted(glob.glob(pattern)) if is_pattern else [pattern]
        for name in names:
            path = Path(name)
            if not is_pattern and watched.may_be_absent and not path.exists():
                continue
            try:
                size = path.stat().st_size
                if size > MAX_BYTES:
                    raise ConfigError(f"{name}: {size} bytes; expected a {watched.kind} file of at most {MAX_BYTES}")
                files[name] = path.read_bytes().decode("utf-8-sig")
            except OSError as error:
                raise ConfigError(f"{name}: cannot be read: {error.strerror}") from error
            except UnicodeDecodeError as error:
                raise ConfigError(f"{name}: byte {error.start} is not UTF-8; expected a text file in UTF-8") from error
    return files
