"""The HTTP API and the manners of the server around it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from detector.errors import ConfigError, StorageError, UnreachableError
from tests.tocsin import fake_view
from tests.tocsin.fake_view import NOW, event
from tocsin.api.answers import PROBLEM
from tocsin.api.app import create_app
from tocsin.api.guard import BODY_LIMIT, SECURITY_HEADERS
from tocsin.api.live import LiveView
from tocsin.api.server import ServerHandle, serve_in_thread
from tocsin.commands.health import ask
from tocsin.status import Status


@pytest.fixture(scope="module")
def view() -> LiveView:
    """Three hours of the fake world."""
    return fake_view.fake_view()


@pytest.fixture(scope="module")
def server(view: LiveView) -> Iterator[ServerHandle]:
    """The real server on a free port."""
    handle = serve_in_thread(
        create_app(view, reload=lambda: (), external_url="https://tocsin.example.org/x", now_ms=lambda: NOW),
        "127.0.0.1",
        0,
    )
    yield handle
    handle.stop()


@pytest.fixture
def client(server: ServerHandle) -> Iterator[httpx.Client]:
    """A client that follows no redirects."""
    with httpx.Client(base_url=server.url) as opened:
        yield opened


def ids(answer: httpx.Response) -> list[str]:
    """Ids of a list."""
    return [item["alarm_id"] for item in answer.json()["items"]]


ROUTES = [
    "/", "/alarms", "/alarms/rows", "/alarms/NONE", "/metrics", "/metrics/series", "/-/healthy", "/-/ready",
    "/-/reload", "/api/v1/alarms", "/api/v1/alarms/NONE", "/api/v1/alarms/NONE/timeline",
    "/api/v1/alarms/NONE/points", "/api/v1/suppressed", "/api/v1/series", "/api/v1/status/buildinfo", "/openapi.json",
    "/api/v1/openapi.json", "/favicon.ico", "/static/app.css", "/static/../app.py", "/static/%2e%2e/pages.py",
    "/nothing", "/api/v1/alarms?limit=0",
]  # fmt: skip


@pytest.mark.parametrize("path", ROUTES)
def test_security_headers_are_on_every_route(client: httpx.Client, path: str) -> None:
    """Pages, API, metrics, errors: all bear the same headers, and no policy allows inline script."""
    answer = client.get(path)

    assert SECURITY_HEADERS == {name: answer.headers.get(name) for name in SECURITY_HEADERS}
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "server" not in answer.headers


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("method", ["TRACE", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_only_listed_methods_are_answered(client: httpx.Client, path: str, method: str) -> None:
    """Nothing is written here, nothing is traced, no origin is invited."""
    answer = client.request(method, path)

    assert answer.status_code in (404, 405)
    assert "access-control-allow-origin" not in answer.headers


def test_errors_are_problems_with_a_reference(client: httpx.Client) -> None:
    """RFC 9457: status, title, detail; the reference joins it with the log."""
    answer = client.get("/api/v1/alarms/NONE")

    problem = answer.json()
    assert (404, PROBLEM) == (answer.status_code, answer.headers["content-type"])
    assert ("Not Found", 404) == (problem["title"], problem["status"])
    assert "no alarm has the id 'NONE'" == problem["detail"]
    assert problem["reference"]


def test_an_unexpected_error_shows_no_traceback() -> None:
    """A 500 is a problem with a reference; nothing of the inside gets out."""
    view = LiveView(fake_view.SCHEMA)

    def broken() -> Status:
        raise RuntimeError("secret detail")

    view.status = broken
    handle = serve_in_thread(create_app(view), "127.0.0.1", 0)
    try:
        answer = httpx.get(f"{handle.url}/-/healthy")
        page = httpx.get(f"{handle.url}/alarms", headers={"accept": "text/html"})
    finally:
        handle.stop()

    assert (500, PROBLEM) == (answer.status_code, answer.headers["content-type"])
    assert (500, True) == (page.status_code, page.headers["content-type"].startswith("text/html"))
    assert "secret" not in answer.text + page.text
    assert "Traceback" not in answer.text + page.text
    assert SECURITY_HEADERS.items() <= dict(answer.headers).items()
    assert SECURITY_HEADERS.items() <= dict(page.headers).items()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example.org", 421),
        ("evil.example.org:9464", 421),
        ("localhost.evil.example.org", 421),
        ("", 421),
        ("tocsin.example.org", 200),
        ("TOCSIN.example.org:443", 200),
        ("localhost:9464", 200),
        ("10.1.2.3:9464", 200),
        ("[::1]:9464", 200),
    ],
)
def test_only_our_own_names_are_answered(client: httpx.Client, host: str, status: int) -> None:
    """DNS rebinding needs a foreign name; addresses are how Prometheus and Kubernetes ask."""
    assert status == client.get("/-/healthy", headers={"host": host}).status_code


def test_a_body_that_is_too_large_is_refused(client: httpx.Client) -> None:
    """By its declared length, before anything of it is read."""
    declared = client.post("/api/v1/alarms", content=b"x" * (BODY_LIMIT + 1))

    assert 413 == declared.status_code


def test_headers_that_are_too_large_are_refused(client: httpx.Client) -> None:
    """16 kB of headers are enough for anybody."""
    answer = client.get("/-/healthy", headers={"x-padding": "x" * 20_000})

    assert (431, PROBLEM) == (answer.status_code, answer.headers["content-type"])


def test_alarms_are_listed_newest_first_and_paged(client: httpx.Client) -> None:
    """`next` leads on to the last one, and nothing comes twice."""
    everything = ids(client.get("/api/v1/alarms"))
    paged, cursor = [], None
    for _ in range(10):
        answer = client.get("/api/v1/alarms", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
        paged += ids(answer)
        cursor = answer.json()["next"]
        if cursor is None:
            break

    assert 6 == len(everything)
    assert sorted(everything, reverse=True) == everything == paged


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("state=firing", 2),
        ("state=firing,held", 4),
        ("state=held&severity=critical", 1),
        ("match=region=eu-*", 2),
        ("match=region=eu-west,device=ios", 1),
        ("match=region=eu-west&match=activity=search", 2),
        ("match=device_family=phone", 1),
        ("match=device.family=phone", 1),
        ("reason=calendar", 1),
        ("since=2025-11-20T23:30:00Z", 5),
        ("since=35m", 4),
    ],
)
def test_alarms_are_filtered(client: httpx.Client, query: str, count: int) -> None:
    """By state, severity, labels, reason, and time of what was still going on."""
    assert count == len(ids(client.get(f"/api/v1/alarms?{query}")))


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("limit=-1", "limit: expected a number from 1 to 1000, got '-1'"),
        ("limit=1e9", "limit: expected a number from 1 to 1000, got '1e9'"),
        ("limit=1001", "limit: expected a number from 1 to 1000"),
        ("limit=%C2%B2", "limit: expected a number"),
        ("cursor=%2e%2e%2f", "cursor: expected `next`"),
        ("state=open", "state: expected one of pending, held, firing, resolved, got 'open'"),
        ("severity=bad", "severity: expected one of info, warning, critical"),
        ("reason=event", "reason: expected one of calendar"),
        ("since=yesterday", "since: expected a time with its zone"),
        ("since=2025-11-20T23:30:00", "since: expected a time with its zone"),
        ("since=9999999d", "since: expected a time"),
        ("match=region", "match: expected label=pattern"),
        ("match=a-b=c", "match: expected label=pattern"),
        ("sate=firing", "sate: unknown parameter; expected one of"),
        ("&".join("match=a=b" for _ in range(100)), "match: at most 64"),
    ],
)
def test_odd_parameters_get_a_clear_error(client: httpx.Client, query: str, said: str) -> None:
    """Name, value and what was expected; never an empty list that looks like peace."""
    answer = client.get(f"/api/v1/alarms?{query}")

    assert 400 == answer.status_code
    assert said in answer.json()["detail"]


def test_the_ledger_holds_all_that_was_ever_held(client: httpx.Client) -> None:
    """Also what ended without being told, with why it was held and how it ended."""
    items = client.get("/api/v1/suppressed").json()["items"]

    ended = next(item for item in items if item["state"] == "resolved")
    assert 3 == len(items)
    assert ("stack", "recovered") == (ended["suppression"]["reasons"][0]["reason"], ended["end"])


def test_one_alarm_comes_with_timeline_and_points(client: httpx.Client) -> None:
    """Body, events oldest first, and columns of equal length with the spans of a chart."""
    [alarm] = client.get("/api/v1/alarms?match=device=ios&state=firing").json()["items"]
    path = f"/api/v1/alarms/{alarm['alarm_id']}"

    body, timeline, points = (client.get(path + end).json() for end in ("", "/timeline", "/points"))

    assert alarm == body
    assert ["fired", "updated"] == [item["type"] for item in timeline["items"]]
    assert 1 == len({len(points[name]) for name in ("t", "observed", "expected", "lower", "upper")})
    assert 150 == len(points["t"])  # from two hours before the start, as far as there are ticks
    assert {("calendar", "premiere-1120"), ("alarm", alarm["alarm_id"])} == {
        (s["kind"], s["id"]) for s in points["spans"]
    }
    assert {"metric": "requests", "device": "ios", "region": "eu-west", "activity": "*"} == points["labels"]


def test_a_gap_is_null(client: httpx.Client) -> None:
    """JSON knows no NaN."""
    [alarm] = client.get("/api/v1/alarms?state=resolved&match=device=tv").json()["items"]

    points = client.get(f"/api/v1/alarms/{alarm['alarm_id']}/points").json()

    assert 4 == points["observed"].count(None)


def test_series_are_rows_of_the_last_tick(client: httpx.Client) -> None:
    """Filtered by state and labels, and paged."""
    firing = client.get("/api/v1/series?state=firing").json()
    first = client.get("/api/v1/series?limit=100").json()
    rest = client.get(f"/api/v1/series?limit=1000&cursor={first['next']}").json()

    assert 3 == len(firing["items"])
    assert {"labels", "state", "t", "observed", "expected", "lower", "upper", "surprise"} == set(firing["items"][0])
    assert len(fake_view.index()) == len(first["items"]) + len(rest["items"])


def test_ready_says_why_not() -> None:
    """503 with reasons, for whatever waits for us; healthy is a question of its own."""
    view = LiveView(fake_view.SCHEMA, lambda: Status(not_ready=("t/0: 5 of 10 days replayed",)))
    handle = serve_in_thread(create_app(view), "127.0.0.1", 0)
    try:
        ready, healthy = httpx.get(f"{handle.url}/-/ready"), httpx.get(f"{handle.url}/-/healthy")
    finally:
        handle.stop()

    assert (503, ["t/0: 5 of 10 days replayed"]) == (ready.status_code, ready.json()["reasons"])
    assert 200 == healthy.status_code


def test_reload_needs_no_password_on_loopback(client: httpx.Client) -> None:
    """It only reads our own files again; GET has no side effect, a foreign page and a proxy are refused."""
    statuses = [
        client.post("/-/reload").status_code,
        client.get("/-/reload").status_code,
        client.post("/-/reload", headers={"sec-fetch-site": "cross-site"}).status_code,
        client.post("/-/reload", headers={"x-forwarded-for": "10.0.0.1"}).status_code,
    ]

    assert [202, 405, 403, 403] == statuses


def test_reload_lists_the_faults_of_a_bad_file() -> None:
    """The same sentences as `config check`, with 422."""
    faults = ("calendar.yaml:11:17: events.0.when.duration: a duration needs a unit",)
    handle = serve_in_thread(create_app(LiveView(fake_view.SCHEMA), reload=lambda: faults), "127.0.0.1", 0)
    try:
        answer = httpx.post(f"{handle.url}/-/reload")
    finally:
        handle.stop()

    assert (422, list(faults)) == (answer.status_code, answer.json()["faults"])


def test_openapi_names_every_route_of_the_api(client: httpx.Client) -> None:
    """One document, on both of its addresses; no page that would load it from elsewhere."""
    document = client.get("/openapi.json").json()

    assert document == client.get("/api/v1/openapi.json").json()
    assert "/api/v1/alarms/{alarm_id}/points" in document["paths"]
    assert [404, 404] == [client.get(path).status_code for path in ("/docs", "/redoc")]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "tocsin.example.org"])
def test_an_address_that_others_reach_is_refused(host: str) -> None:
    """Nobody is asked who reads, hence loopback only, unless a flag says that it is meant."""
    with pytest.raises(ConfigError, match="can be reached from other machines"):
        serve_in_thread(create_app(LiveView(fake_view.SCHEMA)), host, 0)


def test_the_flag_allows_it() -> None:
    """Behind a proxy or a network policy."""
    handle = serve_in_thread(create_app(LiveView(fake_view.SCHEMA)), "0.0.0.0", 0, insecure=True)
    try:
        status = httpx.get(f"http://127.0.0.1:{handle.port}/-/healthy").status_code
    finally:
        handle.stop()

    assert 200 == status


def test_a_port_that_is_taken_is_said(server: ServerHandle) -> None:
    """The message names address and reason."""
    with pytest.raises(StorageError, match=f"cannot listen on 127.0.0.1:{server.port}: Address already in use"):
        serve_in_thread(create_app(LiveView(fake_view.SCHEMA)), "127.0.0.1", server.port)


def test_a_stopped_server_listens_no_more() -> None:
    """`stop` returns when the port is free again."""
    handle = serve_in_thread(create_app(LiveView(fake_view.SCHEMA)), "127.0.0.1", 0)
    handle.stop()

    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{handle.url}/-/healthy")


def test_garbage_gets_a_client_error(server: ServerHandle) -> None:
    """What is no HTTP ends the connection, not the server."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.connect()
    connection.sock.sendall(b"GET \x00/../ HTTP/9.9\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n")
    answer = connection.sock.recv(100)
    connection.close()

    assert b" 400 " in answer
    assert 200 == httpx.get(f"{server.url}/-/healthy").status_code


def test_health_asks_a_running_tocsin(server: ServerHandle) -> None:
    """Exit code 0 comes with a sentence; anything else is one error that names the address."""
    told = ask(server.url)

    assert "Tocsin is healthy." == told
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:9: cannot be asked"):
        ask("http://127.0.0.1:9", timeout_s=1)
    with pytest.raises(UnreachableError, match=r"not healthy \(404\)"):
        ask(f"{server.url}/elsewhere")
    for odd in ("localhost:9464", "ftp://x", "http://", "http://x:99999"):
        with pytest.raises(ConfigError, match="--url"):
            ask(odd)


def test_memory_is_bounded() -> None:
    """The oldest ended alarms are forgotten, never one that is going on."""
    view = LiveView(fake_view.SCHEMA)
    view.store._most = 3
    bodies: list[dict[str, Any]] = [fake_view.body({"device": "tv"}, tick) for tick in range(5)]
    view.store.take(event("fired", body, 0) for body in bodies)
    view.store.take(event("resolved", replace_state(body), 1) for body in bodies[1:4])

    kept = [body["starts_at"] for body in json.loads(json.dumps(list(view.store._bodies.values())))]

    assert [bodies[n]["starts_at"] for n in (0, 3, 4)] == kept


def replace_state(body: dict[str, Any]) -> dict[str, Any]:
    """The same alarm, ended."""
    return body | {"state": "resolved", "end": "recovered", "ends_at": body["starts_at"]}


def test_points_outlive_the_ring() -> None:
    """An ended alarm keeps its chart after newer ticks have pushed its own out of memory."""
    view = LiveView(fake_view.SCHEMA, points_bytes=1)
    ticks = fake_view.outcomes(fake_view.index())
    alarm = fake_view.body({"device": "tv"}, 0)
    ended = replace_state(alarm)
    for tick, outcome in enumerate(ticks[:4]):
        events = {0: (event("fired", alarm, 0),), 1: (event("resolved", ended, 1),)}.get(tick, ())
        view.on_outcome(replace(outcome, events=events))

    points = view.store.points(alarm["alarm_id"])

    assert points is not None
    assert [ticks[1].t_ms] == list(points.t_ms)
