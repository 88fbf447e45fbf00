"""The pages in a real browser: they work, stay put, speak no foreign host and break no policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.tocsin import fake_view
from tests.tocsin.fake_view import MINUTE, NOW, body, event
from tests.tocsin.test_exposition import HOSTILE
from tests.tocsin.test_web import poisoned
from tocsin.api.app import create_app
from tocsin.api.live import LiveView
from tocsin.api.server import ServerHandle, serve_in_thread

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.e2e
Open = Callable[..., "Page"]


@pytest.fixture
def view() -> LiveView:
    """Three hours of the fake world, of its own for each test."""
    return fake_view.fake_view()


@pytest.fixture
def server(view: LiveView) -> Iterator[ServerHandle]:
    """Its pages."""
    handle = serve_in_thread(create_app(view, now_ms=lambda: NOW), "127.0.0.1", 0)
    yield handle
    handle.stop()


@pytest.fixture
def tab(browser: BrowserContext, server: ServerHandle) -> Iterator[tuple[Page, list[str]]]:
    """An empty tab, and the list in which every complaint of the browser is gathered."""
    page, faults = browser.new_page(), []
    page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: (faults.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda r: None if r.url.startswith((server.url, "data:")) else faults.append(r.url))
    page.set_viewport_size({"width": 1280, "height": 900})
    yield page, faults
    page.close()


def next_tick(view: LiveView, alarm: dict[str, object] | None = None) -> None:
    """One more tick; with an alarm, it fires in it."""
    [last] = view.newest()
    events = () if alarm is None else (event("fired", alarm, 181),)
    view.on_outcome(replace(last, t_ms=last.t_ms + MINUTE, events=events))


def test_from_the_inbox_to_the_chart(tab: tuple[Page, list[str]], server: ServerHandle) -> None:
    """A click on the first row opens the alarm; its chart is drawn, its numbers are a table, all without complaint."""
    page, faults = tab
    page.goto(f"{server.url}/")
    page.click("tbody.firing tr.row a.title >> nth=0")
    page.wait_for_selector("#plot canvas")
    page.click("#numbers summary")

    drawn = page.evaluate(
        "() => { const c = document.querySelector('#plot canvas');"
        " return new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size; }"
    )
    box = page.locator("#plot").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 80)
    read_out = page.text_content("#chart-note")

    assert "ios" in str(page.text_content("h1"))
    assert drawn > 20
    assert 150 == page.locator("#numbers tbody tr").count()
    assert "observed" in str(read_out)
    assert [] == faults


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_no_page_scrolls_sideways(tab: tuple[Page, list[str]], server: ServerHandle, width: int, scheme: str) -> None:
    """From a small phone to a desk, in both themes: text fits, and ink stands out from the page."""
    page, faults = tab
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    for path in ("/alarms", page_of_first(page, server)):
        page.goto(server.url + path)
        page.wait_for_load_state("networkidle")

        assert width == page.evaluate("document.documentElement.scrollWidth")
        assert 7 <= page.evaluate(CONTRAST)
    assert [] == faults


CONTRAST = """() => {
  const luminance = (text) => {
    const [r, g, b] = text.match(/[0-9.]+/g).map(Number).map((v) => v / 255)
      .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const style = getComputedStyle(document.body);
  const [low, high] = [luminance(style.color), luminance(style.backgroundColor)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}"""


def page_of_first(page: Page, server: ServerHandle) -> str:
    """The address of the first firing alarm."""
    page.goto(f"{server.url}/alarms")
    return str(page.get_attribute("tbody.firing tr.row a.title", "href"))


def test_a_new_alarm_appears_by_itself(tab: tuple[Page, list[str]], server: ServerHandle, view: LiveView) -> None:
    """Nobody has to reload; the title counts along."""
    page, faults = tab
    page.goto(f"{server.url}/alarms")
    next_tick(view, body({"device": "tv", "region": "us-east"}, 180))

    page.wait_for_selector("tbody.firing tr.row >> nth=2", timeout=15_000)

    assert (3, "3 firing · Tocsin") == (page.locator("tbody.firing tr.row").count(), page.title())
    assert [] == faults


def test_the_row_under_the_pointer_never_moves(
    tab: tuple[Page, list[str]], server: ServerHandle, view: LiveView
) -> None:
    """While somebody is about to click, news wait; they come when the pointer leaves."""
    page, faults = tab
    page.goto(f"{server.url}/alarms")
    row = page.locator("tbody.firing tr.row >> nth=1")
    before = row.bounding_box()
    row.hover()
    next_tick(view, body({"device": "tv", "region": "us-east"}, 180))
    page.wait_for_selector("#waiting:not([hidden])", timeout=15_000)
    during = row.bounding_box()
    page.mouse.move(640, 880)
    page.wait_for_selector("tbody.firing tr.row >> nth=2", timeout=15_000)

    assert before == during
    assert page.locator("#waiting").is_hidden()
    assert [] == faults


def test_a_lost_connection_is_said(tab: tuple[Page, list[str]], server: ServerHandle) -> None:
    """An inbox that is no longer fresh must not look like peace."""
    page, _ = tab
    page.goto(f"{server.url}/alarms")
    server.stop()

    page.wait_for_selector("#live.lost", timeout=15_000)

    assert str(page.text_content("#live-text")).startswith("no connection; as of")


def test_hostile_labels_run_nothing(tab: tuple[Page, list[str]], server: ServerHandle, view: LiveView) -> None:
    """Every text of an alarm filled with payloads: no dialog, no report of the policy, no foreign request."""
    page, faults = tab
    for number, payload in enumerate(HOSTILE):
        harmless = body({"device": "x"}, number)
        alarm = poisoned(harmless, payload) | {"alarm_id": f"01ABC{number}", "severity": "critical"}
        view.store.take([replace(event("fired", harmless, 1), alarm_id=f"01ABC{number}", data=alarm)])
    page.goto(f"{server.url}/alarms")
    for number in range(len(HOSTILE)):
        page.goto(f"{server.url}/alarms/01ABC{number}")
        page.wait_for_selector("#chart-note:has-text('No points')")

    assert [] == faults
