"""A fast writer of the Prometheus text format for very many gauges: what does not change is precomputed.

The client library formats names and labels anew at every scrape. Here a chunk of rows is one bytes template that
already holds them; a scrape only fills in the numbers. `python -m benchmarks.exposition` compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from detector.frame import Floats

CHUNK = 2048  # rows a template; a row that comes or goes costs making one chunk's template anew
NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def escape(value: str) -> str:
    r"""Escapes a label value; what cannot be UTF-8 (a lone surrogate) becomes `?`.

    >>> escape('a"b\\c')
    'a\\"b\\\\c'
    """
    value = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def label_name(name: str) -> str:
    """A label's name in the characters that Prometheus allows; others become `_`.

    >>> label_name("device.family")
    'device_family'
    """
    return (
        name if LABEL.fullmatch(name) else re.sub(r"[^a-zA-Z0-9_]", "_", f"_{name}" if name[:1].isdecimal() else name)
    )


def label_text(labels: Mapping[str, str]) -> str:
    """Labels as they stand in a sample, in the order given.

    >>> label_text({"metric": "requests", "region": "eu"})
    '{metric="requests",region="eu"}'
    """
    if not labels:
        return ""
    return "{" + ",".join(f'{label_name(name)}="{escape(value)}"' for name, value in labels.items()) + "}"


def header(name: str, text: str, kind: str = "gauge") -> bytes:
    """The HELP and TYPE lines of a family; an impossible name is our own mistake."""
    assert NAME.fullmatch(name), name
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n".encode()


class GaugeBlock:
    """One family of gauges over rows that only ever grow; a NaN is an absent sample."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._header = header(name, text)
        self._prefixes: list[bytes] = []
        self._chunks: list[_Chunk] = []

    def __len__(self) -> int:
        return len(self._prefixes)

    def grow(self, label_texts: Iterable[str]) -> None:
        """Appends rows, given as `label_text` made them."""
        before = len(self._prefixes)
        name = self.name.encode()
        self._prefixes += [name + text.encode().replace(b"%", b"%%") + b" %.6g\n" for text in label_texts]
        first = before // CHUNK
        del self._chunks[first:]
        for start in range(first * CHUNK, len(self._prefixes), CHUNK):
            self._chunks.append(_Chunk(self._prefixes[start : start + CHUNK]))

    def write(self, values: Floats) -> Iterator[bytes]:
        """The family's text, in parts; `values` is (S,) with as many rows as were added."""
        assert len(values) == len(self._prefixes)
        yield self._header
        for number, chunk in enumerate(self._chunks):
            yield chunk.write(values[number * CHUNK : (number + 1) * CHUNK])


class _Chunk:
    """The template of some rows, for those of them that were present the last time."""

    def __init__(self, prefixes: Sequence[bytes]) -> None:
        self._prefixes = prefixes
        self._present: NDArray[np.bool_] = np.zeros(len(prefixes), bool)
        self._template = b""

    def write(self, values: Floats) -> bytes:
        present = np.isfinite(values)
        if not np.array_equal(present, self._present):
            self._template = b"".join(self._prefixes[row] for row in np.flatnonzero(present).tolist())
            self._present = present
        if not present.all():
            values = values[present]
        return self._template % tuple(values.tolist())


def write_gauge(name: str, text: str, samples: Iterable[tuple[Mapping[str, str], float]]) -> bytes:
    """One small family whose rows differ from scrape to scrape."""
    lines = [f"{name}{label_text(labels)} {value:.6g}\n" for labels, value in samples]
    return header(name, text) + "".join(lines).encode()
