"""The webhook sink: what it sends, what it makes of answers, what it never does."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator

import pytest

from connectors.cloudevents import Envelope
from connectors.sink import SinkError
from connectors.sinks.webhook import WebhookSettings, WebhookSink, sign
from detector.errors import ConfigError
from tests.connectors.alarm_events import alarm_event
from tests.connectors.receiver import Receiver

NOW = 1_795_214_900.7


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A local HTTP receiver."""
    with Receiver() as found:
        yield found


def sink(receiver: Receiver, secret: str = "", previous: str = "", total_s: float = 10.0) -> WebhookSink:
    settings = WebhookSettings(receiver.url, "ops", secret, previous)
    return WebhookSink(settings, Envelope("n0"), wall=lambda: NOW, total_s=total_s)


def test_the_signature_is_that_of_the_standard() -> None:
    """The published vector of standard-webhooks."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    found = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')

    assert "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" == found


def test_an_event_is_posted_with_id_time_and_signature(receiver: Receiver) -> None:
    """The same id as dedup key in both spellings; the signature is over exactly the body that was sent."""
    event = alarm_event(2)

    sink(receiver, "plain secret").send([event])

    (request,) = receiver.requests
    assert (event.id, event.id) == (request.headers["webhook-id"], request.headers["idempotency-key"])
    assert "1795214900" == request.headers["webhook-timestamp"]
    assert "application/cloudevents+json" == request.headers["content-type"]
    content = f"{event.id}.1795214900.".encode() + request.body
    expected = base64.b64encode(hmac.new(b"plain secret", content, hashlib.sha256).digest()).decode()
    assert f"v1,{expected}" == request.headers["webhook-signature"]
    assert event.id == json.loads(request.body)["id"]


def test_both_keys_sign_while_a_secret_changes(receiver: Receiver) -> None:
    """A receiver with either key accepts; without a secret there is no signature."""
    sink(receiver, "new", "old").send([alarm_event()])
    sink(receiver).send([alarm_event()])

    assert 2 == len(receiver.requests[0].headers["webhook-signature"].split(" "))
    assert "webhook-signature" not in receiver.requests[1].headers


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 599])
def test_answers_that_may_change_can_be_tried_again(receiver: Receiver, status: int) -> None:
    """The reason names the status."""
    receiver.answer(status)

    with pytest.raises(SinkError) as raised:
        sink(receiver).send([alarm_event()])

    assert (False, f"http_{status}") == (raised.value.permanent, raised.value.reason)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 410, 422])
def test_other_answers_are_permanent_and_redirects_are_not_followed(receiver: Receiver, status: int) -> None:
    """X37: a redirect is an answer like any other, wherever it points."""
    receiver.answer(status, headers={"Location": receiver.url + "/elsewhere"})

    with pytest.raises(SinkError) as raised:
        sink(receiver).send([alarm_event()])

    assert raised.value.permanent
    assert 1 == len(receiver.requests)


def test_a_failure_keeps_later_events_back(receiver: Receiver) -> None:
    """Order is kept: what comes after the failed one is not sent."""
    receiver.answer(503)

    with pytest.raises(SinkError):
        sink(receiver).send([alarm_event(1), alarm_event(2)])

    assert 1 == len(receiver.requests)


def test_a_large_answer_is_not_read_to_its_end(receiver: Receiver) -> None:
    """F31: 10 MB of answer cost neither memory nor time; the next delivery works."""
    hook = sink(receiver)
    receiver.answer(200, body=b"x" * 10_000_000)

    hook.send([alarm_event(1)])
    receiver.answer(200)
    hook.send([alarm_event(2)])

    assert 2 == len(receiver.requests)


def test_a_dripping_answer_is_cut_in_time(receiver: Receiver) -> None:
    """F31: bytes that keep coming do not keep us."""
    receiver.answer(drip_s=0.02)
    began = time.monotonic()

    with pytest.raises(SinkError) as raised:
        sink(receiver, total_s=0.3).send([alarm_event()])

    assert (False, "timeout") == (raised.value.permanent, raised.value.reason)
    assert time.monotonic() - began < 2


def test_nobody_there_can_be_tried_again_and_the_url_stays_private() -> None:
    """X31: path and query of a URL may be secrets; the host is enough."""
    hook = WebhookSink(WebhookSettings("http://user:pw@127.0.0.1:1/hook?token=abc", "ops"))

    with pytest.raises(SinkError) as raised:
        hook.send([alarm_event()])

    assert (False, "unreachable") == (raised.value.permanent, raised.value.reason)
    assert "webhook ops (127.0.0.1): cannot be reached (ConnectError)" == str(raised.value)


def test_proxies_of_the_environment_are_ignored(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """X38."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    sink(receiver).send([alarm_event()])

    assert 1 == len(receiver.requests)


def test_secrets_are_not_shown() -> None:
    """X31."""
    settings = WebhookSettings("http://h/", secret="canary-1", previous_secret="canary-2")

    assert "canary" not in repr(settings)


@pytest.mark.parametrize("url", ["ftp://x/", "file:///etc/passwd", "x", ""])
def test_only_http_is_spoken(url: str) -> None:
    """X37."""
    with pytest.raises(ConfigError, match="expected a URL of http or https"):
        WebhookSink(WebhookSettings(url))


def test_a_secret_that_is_no_base64_is_told_without_showing_it() -> None:
    """The standard's prefix promises base64."""
    with pytest.raises(ConfigError) as raised:
        WebhookSink(WebhookSettings("http://h/", "ops", "whsec_not base64!"))

    assert "webhook ops: expected base64 after whsec_ in its secret" == str(raised.value)
