"""Every link on every page leads somewhere."""

from __future__ import annotations

from pathlib import Path

from tests.docs.links import anchors, dead, links
from tests.docs.tree import name, pages


def test_every_link_resolves() -> None:
    """Each relative link names a file that exists, and a heading of it where it has an anchor."""
    assert {} == {name(page): wrong for page in pages() if (wrong := dead(page))}


def test_a_dead_link_is_seen(tmp_path: Path) -> None:
    """The check itself: a missing file, a missing heading, and code that only looks like a link."""
    page = tmp_path / "page.md"
    page.write_text(
        "# A head (of it)\n[a](#a-head-of-it) [b](#no) [c](gone.md) ![p](p.png) [w](https://x.y) `[d](no.md)`\n"
    )

    assert {"a-head-of-it"} == anchors(page)
    assert ["#a-head-of-it", "#no", "gone.md", "p.png", "https://x.y"] == links(page)
    assert ["#no", "gone.md", "p.png"] == dead(page)


def test_every_page_of_docs_is_reached() -> None:
    """Each page under docs/ is linked from some other page, so that a reader can find it."""
    reached = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in pages()
        for link in links(page)
        if not link.startswith(("#", "http"))
    }
    lost = [name(page) for page in pages() if name(page).startswith("docs/") and page.resolve() not in reached]

    assert [] == lost
