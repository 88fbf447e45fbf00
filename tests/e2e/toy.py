"""A toy web server on the loopback that answers every path with one text; for tests of the parts themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.serving import Quiet, serve


@contextmanager
def serving(text: str, content_type: str) -> Iterator[str]:
    """Serves `text` for as long as the block runs; gives host:port."""

    class Handler(Quiet):
        def do_GET(self) -> None:
            self.answer(200, text.encode(), content_type)

    with serve(Handler) as at:
        yield at
