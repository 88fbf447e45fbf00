"""The browser of the tests opens a page and runs its script."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.toy import serving

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.e2e

PAGE = """<!doctype html><title>toy</title><button onclick="this.textContent='pressed'">press</button>"""


def test_a_button_on_a_page_can_be_pressed(browser: BrowserContext) -> None:
    """Chromium renders a page from the loopback, and a click runs the page's script."""
    with serving(PAGE, "text/html") as target:
        page = browser.new_page()
        page.goto(f"http://{target}/")
        page.click("button")
        told = (page.title(), page.text_content("button"))
        page.close()

    assert ("toy", "pressed") == told
