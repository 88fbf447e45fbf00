"""Debian's Chromium driven by Playwright: one browser a session, a fresh profile, no outside connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

# without the background flags Chromium keeps asking its maker's hosts, which no test should do
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def running(chromium: str, profile: Path) -> Iterator[BrowserContext]:
    """A browser with its profile in `profile`; `new_page()` on it opens a tab."""
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(profile), executable_path=chromium, headless=True, args=list(FLAGS)
        )
        try:
            yield context
        finally:
            with suppress(Error):  # it may have died with the page that a test left; the test has told why
                context.close()
