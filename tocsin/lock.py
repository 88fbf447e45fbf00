"""One process per data directory: an exclusive lock that names its holder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from detector.errors import RefusedError, StorageError

LOCK_NAME = "tocsin.lock"


class DataDirLock:
    """Holds `DIR/tocsin.lock` by flock until `release` or the end of the process; the file keeps the holder's pid."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / LOCK_NAME
        try:
            data_dir.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise StorageError(f"{self._path}: cannot be opened for the lock: {error.strerror}") from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._fd, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._fd)
            raise RefusedError(
                f"{data_dir}: in use by process {holder} (lock {self._path.name}); expected one process per directory"
            ) from error
        os.ftruncate(self._fd, 0)
        os.write(self._fd, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        os.close(self._fd)  # the file stays: unlinking it would let two holders lock two inodes
