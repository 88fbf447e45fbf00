"""What the pages say, and that nothing of the data becomes markup."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import html5lib
import httpx
import pytest

from detector.schema import Schema
from tests.tocsin import fake_view
from tests.tocsin.fake_view import NOW, body, event
from tests.tocsin.test_exposition import HOSTILE
from tocsin.api.app import create_app
from tocsin.api.live import LiveView
from tocsin.api.server import ServerHandle, serve_in_thread
from tocsin.status import Status
from tocsin.web.words import safe_link

WEB = Path(__file__).parents[2] / "tocsin/web"


@pytest.fixture(scope="module")
def server() -> Iterator[ServerHandle]:
    """The fake world's pages."""
    handle = serve_in_thread(create_app(fake_view.fake_view(), now_ms=lambda: NOW), "127.0.0.1", 0)
    yield handle
    handle.stop()


def text_of(markup: str) -> str:
    """What a person reads, blanks collapsed."""
    tree = html5lib.parse(markup, namespaceHTMLElements=False)
    return re.sub(r"\s+", " ", " ".join(tree.find("body").itertext()))


def shape(markup: str) -> list[tuple[str, tuple[str, ...]]]:
    """Elements with the names of their attributes, in order: what markup there is, without any data."""
    tree = html5lib.parse(markup, namespaceHTMLElements=False)
    return [(str(element.tag), tuple(sorted(element.attrib))) for element in tree.iter()]


def served(view: LiveView, *paths: str, status: int = 200) -> list[str]:
    """Pages of a view."""

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(create_app(view, now_ms=lambda: NOW))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return [await client.get(path, headers={"accept": "text/html"}) for path in paths]

    answers = asyncio.run(ask())
    assert {status} == {answer.status_code for answer in answers}
    return [answer.text for answer in answers]


def test_the_first_page_is_the_inbox(server: ServerHandle) -> None:
    """`/` leads there."""
    answer = httpx.get(server.url)

    assert (307, "/alarms") == (answer.status_code, answer.headers["location"])


def test_the_inbox_shows_firing_then_held_then_resolved(server: ServerHandle) -> None:
    """The most severe first; held ones with their reason, resolved ones with their end."""
    text = text_of(httpx.get(f"{server.url}/alarms").text)

    order = ["Firing 2", "ios", "−63%", "search", "−28%", "Held back 2", "held: calendar", "nfl-tnf-2026",
             "held: low impact", "Resolved 2", "recovered", "was held: stack", "adapted"]  # fmt: skip
    places = [text.find(word) for word in order]
    assert -1 not in places
    assert sorted(places) == places


def test_the_inbox_can_be_narrowed_down(server: ServerHandle) -> None:
    """The address is the filter; each filter can be taken away."""
    text = text_of(httpx.get(f"{server.url}/alarms?match=region=eu-north&state=held").text)

    assert "Held back 1" in text
    assert "Firing" not in text
    assert "region=eu-north ✕" in text


def test_an_odd_filter_is_said_in_words(server: ServerHandle) -> None:
    """A misspelt filter shows a sentence, not an empty inbox."""
    answer = httpx.get(f"{server.url}/alarms?state=open", headers={"accept": "text/html"})

    assert 400 == answer.status_code
    assert "state: expected one of pending, held, firing, resolved, got 'open'" in text_of(answer.text)


def test_a_chip_leads_to_alarms_of_that_label(server: ServerHandle) -> None:
    """The link of a label finds the alarm that bears it."""
    page = httpx.get(f"{server.url}/alarms/{alarm_id(server, 'match=device=ios&state=firing')}").text
    link = re.findall(r'href="(/alarms\?match=region[^"]*)"', page)[0]

    assert "/alarms?match=region=eu-west" == unquote(link)
    assert "Firing 1" in text_of(httpx.get(server.url + link).text)


def alarm_id(server: ServerHandle, query: str) -> str:
    """The id of the one alarm that a query finds."""
    [item] = httpx.get(f"{server.url}/api/v1/alarms?{query}").json()["items"]
    return str(item["alarm_id"])


def test_the_alarm_page_says_what_where_since_when_and_why(server: ServerHandle) -> None:
    """Sentence, figures, witnesses, the event that was considered, effective votes."""
    text = text_of(httpx.get(f"{server.url}/alarms/{alarm_id(server, 'match=device=ios&state=firing')}").text)

    for said in (
        "are 63% below expected",
        "00:30 UTC, for 30 min",
        "1,113 (normal: 1,021 to 1,207)",
        "worth 2.1 independent votes",
        "premiere-1120 predicts +24% (+5.0% to +45%); observed −63%; does not explain it",
        "Independent witnesses: none moved (cdn_bytes +0.3)",
        "forecast residual",
        "5 more checks found nothing",
        "fired people were told",
        "Right now 293 of 840.3 (−65%)",
    ):
        assert said in text


def test_a_held_candidate_says_who_holds_it_and_until_when(server: ServerHandle) -> None:
    """A person can judge the suppression."""
    text = text_of(httpx.get(f"{server.url}/alarms/{alarm_id(server, 'reason=calendar')}").text)

    assert "Not told: a calendar event explains it (nfl-tnf-2026), until 01:20 UTC at the latest." in text
    assert "Without that it would have fired at 20 Nov 23:40 UTC." in text


def test_a_poor_body_still_gives_a_page() -> None:
    """Whatever an alarm lacks is a dash, never an error at three in the morning."""
    view = LiveView(Schema())
    poor: dict[str, Any] = {"alarm_id": "01ABC", "revision": 1, "state": "firing", "severity": "odd"}
    view.store.restore([poor, poor | {"alarm_id": "01ABD", "state": "held", "suppression": {}, "evidence": {}}])

    inbox, alarm, held = served(view, "/alarms", "/alarms/01ABC", "/alarms/01ABD")

    assert "Firing 1" in text_of(inbox)
    assert "everywhere" in text_of(alarm)
    assert "held" in text_of(held)


@pytest.mark.parametrize("odd", [None, 3.0, "text", [], ["text"], {}, {"reasons": 1, "event": "x", "budget": 3.0}])
def test_odd_shapes_still_give_a_page(odd: Any) -> None:
    """A history may hold bodies of another version; a field of another shape is passed over."""
    view = LiveView(fake_view.SCHEMA)
    fields = {name: odd for name in body({}, 1) if name not in ("alarm_id", "state", "severity")}
    inside = dict.fromkeys(fake_view.evidence(), odd)
    view.store.restore(
        [
            body({}, 1) | fields | {"alarm_id": "01ABC"},
            body({}, 1) | {"alarm_id": "01ABD", "evidence": inside, "state": "held", "suppression": odd},
        ]
    )

    pages = served(view, "/alarms", "/alarms/01ABC", "/alarms/01ABD", "/api/v1/alarms/01ABC/points", "/metrics/series")

    assert "Firing 1" in text_of(pages[0])


def test_an_unknown_alarm_is_a_page_for_people() -> None:
    """Somebody who comes by an old link reads a sentence and finds the inbox."""
    [page] = served(LiveView(Schema()), "/alarms/01NOPE", status=404)

    assert "no alarm has the id '01NOPE'" in text_of(page)


def test_a_blind_watcher_says_so_on_top() -> None:
    """Nothing is firing" must not be read as peace while Tocsin sees nothing."""
    view = LiveView(Schema(), lambda: Status(not_healthy=("no record for 20 min",), not_ready=("t/1: catching up",)))

    [page] = served(view, "/alarms")

    assert "Tocsin is not watching everything. no record for 20 min t/1: catching up" in text_of(page)


@pytest.mark.parametrize(
    "payload", [*HOSTILE, "javascript:alert(1)", "</script><script>", "\u2028", "&lt;b&gt;", "' x='"]
)
def test_no_data_becomes_markup(payload: str) -> None:
    """Every text of an alarm filled with a payload gives the same elements and attributes as a harmless word."""
    pages = poisoned_pages(payload)

    assert [shape(page) for page in poisoned_pages("word")] == [shape(page) for page in pages]
    assert [] == [page for page in pages if '="javascript:' in page]


@cache
def poisoned_pages(text: str) -> list[str]:
    """Inbox and alarm page when every text of the alarm is this one."""
    view = LiveView(fake_view.SCHEMA)
    harmless = body({"device": "x"}, 1)
    alarm = poisoned(harmless, text) | {"alarm_id": "01ABC"}
    view.store.take([replace(event("fired", harmless, 1), alarm_id="01ABC", data=alarm)])
    return served(view, "/alarms", "/alarms/01ABC")


def poisoned(value: Any, text: str) -> Any:
    """The same structure with every text replaced, except the words that decide the layout, and times."""
    if isinstance(value, dict):
        kept = {"state", "direction", "starts_at", "ends_at", "detected_at", "links", "checks"}
        return {k: v if k in kept else poisoned(v, text) for k, v in value.items()}
    if isinstance(value, list):
        return [poisoned(item, text) for item in value]
    return text if isinstance(value, str) else value


@pytest.mark.parametrize(
    ("url", "is_safe"),
    [
        ("https://runbooks.example.org/a?b=c#d", True),
        ("http://10.0.0.1:8080/", True),
        ("javascript:alert(1)", False),
        ("JaVaScript:alert(1)", False),
        ("java\tscript:alert(1)", False),
        (" https://x", False),
        ("data:text/html,x", False),
        ("//evil.example.org", False),
        ("/relative", False),
        ("https:///nohost", False),
        ("https://x\"onmouseover='y'", False),
        ("https://[broken", False),
        (None, False),
        (7, False),
    ],
)
def test_only_absolute_http_links_are_followed(url: object, is_safe: bool) -> None:
    """Links come from configuration and data; a script is no link."""
    assert is_safe == (safe_link(url) is not None)


def test_templates_switch_no_escaping_off() -> None:
    """No `safe`, no `Markup`, no inline script, style or handler anywhere."""
    texts = [path.read_text() for path in WEB.rglob("*.html")] + [path.read_text() for path in WEB.glob("*.py")]

    found = [
        t for t in texts if re.search(r"\|\s*safe\b|Markup|autoescape false|<style| style=| on[a-z]+=|<script>", t)
    ]
    assert [] == found


def test_nothing_is_loaded_from_elsewhere(server: ServerHandle) -> None:
    """Every file that a page loads is ours, in the manifest, and bears its hash."""
    page = httpx.get(f"{server.url}/alarms/{alarm_id(server, 'match=device=ios&state=firing')}").text

    loaded = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="([^"]+)"', page)
    assert 6 == len(loaded)
    for address in loaded:
        answer = httpx.get(server.url + address)
        assert address.startswith("/static/")
        assert hashlib.sha256(answer.content).hexdigest().startswith(address.split("v=")[1])
        assert 304 == httpx.get(server.url + address, headers={"if-none-match": answer.headers["etag"]}).status_code


def test_vendored_files_are_what_was_vendored() -> None:
    """Name, version and hash of each foreign file, with its licence."""
    folder = WEB / "static/vendor"
    packages = json.loads((folder / "vendor.json").read_text())

    listed = {name: digest for package in packages for name, digest in package["files"].items()}
    present = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.suffix != ".json"
    }
    assert listed == present
    assert b"v1.6.32" in (folder / "uPlot.iife.min.js").read_bytes()
    assert "MIT" in (folder / "uPlot.LICENSE.txt").read_text()
