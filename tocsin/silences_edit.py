"""Edits of `silences.yaml` by command: comments stay, and the file is whole at every moment."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from detector.errors import ConfigError, StorageError
from suppression.silence import Silence
from tocsin.config.document import read_text
from tocsin.silences_file import parse_silences

EMPTY = "version: 1\nsilences: []\n"
Edit = Callable[[Any], None]


def add_silence(path: Path, match: dict[str, Any], since_ms: int, until_ms: int, by: str, why: str) -> Silence:
    """Appends a silence and returns it; FaultsError if the file, or what is added, does not pass the check.

    Both times are taken down to the second.
    """
    entry: dict[str, Any] = {
        "match": match,
        "since": utc_text(since_ms // 1000 * 1000),
        "until": utc_text(until_ms // 1000 * 1000),
        "by": by,
        "why": why,
    }

    def append(document: Any) -> None:
        if not isinstance(document.get("silences"), list):
            document["silences"] = []
        silences = document["silences"]
        if hasattr(silences, "fa") and not silences:
            silences.fa.set_block_style()  # `[]` grows into lines
        silences.append(_flow(entry))

    return _edit(path, append)[-1]


def expire_silence(path: Path, silence_id: str, now_ms: int) -> Silence:
    """Ends a silence now; one that has not begun is taken out. ConfigError names the known ids if this is none."""
    before = parse_silences({str(path): read_text(path)})
    position = next((i for i, silence in enumerate(before) if silence.id == silence_id), None)
    if position is None:
        known = ", ".join(silence.id for silence in before if silence.until_ms > now_ms) or "none"
        raise ConfigError(f"{path}: no silence {silence_id!r}; in force or to come: {known}")
    silence = before[position]
    if silence.until_ms <= now_ms:
        raise ConfigError(f"{path}: the silence {silence_id!r} ended at {utc_text(silence.until_ms)} already")

    def end(document: Any) -> None:
        if silence.since_ms >= now_ms:
            del document["silences"][position]
        else:
            document["silences"][position]["until"] = utc_text(now_ms)

    _edit(path, end)
    return silence


def utc_text(t_ms: int) -> str:
    """RFC 3339 in UTC; milliseconds only where there are some.

    >>> utc_text(0), utc_text(1_500)
    ('1970-01-01T00:00:00Z', '1970-01-01T00:00:01.500Z')
    """
    whole = datetime.fromtimestamp(t_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{t_ms % 1000:03d}Z" if t_ms % 1000 else f"{whole}Z"


def _edit(path: Path, edit: Edit) -> tuple[Silence, ...]:
    """Reads, edits, checks and replaces the file, one process at a time; returns what it holds now."""
    from ruamel.yaml import YAML

    place = path.resolve()  # a symlink stays one
    with _locked(place.parent):
        text = read_text(place, str(path)) if place.exists() else EMPTY
        parse_silences({str(path): text})
        yaml = YAML()
        yaml.indent(mapping=2, sequence=4, offset=2)
        yaml.preserve_quotes = True
        yaml.width = 4_096  # never re-wrap what people wrote
        document = yaml.load(text)
        edit(document)
        out = io.StringIO()
        yaml.dump(document, out)
        silences = parse_silences({str(path): out.getvalue()})
        _replace(place, out.getvalue())
    return silences


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise StorageError(f"{folder}: cannot be opened: {error.strerror}; expected a folder to write in") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _replace(place: Path, text: str) -> None:
    """Temporary file beside it, fsync, rename."""
    temporary = None
    try:
        mode = place.stat().st_mode & 0o777 if place.exists() else 0o640
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=place.parent, prefix=f".{place.name}.", delete=False
        ) as out:
            temporary = out.name
            out.write(text)
            out.flush()
            os.fchmod(out.fileno(), mode)
            os.fsync(out.fileno())
        os.replace(temporary, place)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise StorageError(f"{place}: cannot be written: {error.strerror}") from None


def _flow(entry: dict[str, Any]) -> Any:
    """One line for one silence, as people write it."""
    from ruamel.yaml.comments import CommentedMap

    mapping = CommentedMap({name: _flow(value) if isinstance(value, dict) else value for name, value in entry.items()})
    mapping.fa.set_flow_style()
    return mapping
