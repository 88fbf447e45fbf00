"""The pages that are written from the code say what the code says."""

from __future__ import annotations

from scripts.docs import stale
from tests.docs.tree import name


def test_generated_pages_are_fresh() -> None:
    """No generated page has gone stale; `make docs` writes them anew."""
    assert [] == [name(page) for page in stale()]
