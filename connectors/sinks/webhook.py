"""The webhook sink: one signed POST per alarm event, in the headers of standard-webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from connectors.cloudevents import CONTENT_TYPE, Envelope, encode
from connectors.deadline import Deadline
from connectors.sink import SinkError
from detector.errors import ConfigError
from suppression.alarm import AlarmEvent

MAX_ANSWER_BYTES = 64 * 1024  # an answer is never shown; beyond this it is not even read
TOTAL_S = 10.0
SECRET_PREFIX = "whsec_"  # noqa: S105  # the standard's mark of a base64 secret, not a secret


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """One receiver. `secret` signs (empty: no signature); `previous_secret` signs too, while receivers change over.

    A secret that begins with `whsec_` is base64, as the standard has it; any other is taken as its bytes.
    """

    url: str
    name: str = "webhook"
    secret: str = field(default="", repr=False)
    previous_secret: str = field(default="", repr=False)
    timeout_ms: int = 5_000


class WebhookSink:
    """POSTs each event on its own; 2xx is delivered, 408, 429, 5xx and the network may be tried again, other 4xx not.

    The id of the transition is sent as `webhook-id` and `Idempotency-Key`, so a second copy can be dropped.
    Redirects are not followed, proxies of the environment are ignored, the answer's body is thrown away.
    """

    def __init__(
        self,
        settings: WebhookSettings,
        envelope: Envelope | None = None,
        *,
        wall: Callable[[], float] = time.time,
        total_s: float = TOTAL_S,
        transport: Any = None,  # an httpx transport, for tests
    ) -> None:
        parts = urlsplit(settings.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"webhook {settings.name}: expected a URL of http or https")
        self.name = settings.name
        self._settings = settings
        self._envelope = envelope or Envelope()
        self._secrets = [_key(settings, text) for text in (settings.secret, settings.previous_secret) if text]
        self._wall, self._total_s, self._transport = wall, total_s, transport
        self._client: Any = None
        self._deadline = Deadline()

    def send(self, events: Sequence[AlarmEvent]) -> None:
        for event in events:
            self._post(event)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _post(self, event: AlarmEvent) -> None:
        import httpx

        if self._client is None:
            self._client = httpx.Client(
                timeout=httpx.Timeout(self._settings.timeout_ms / 1000),
                limits=httpx.Limits(max_connections=1),
                follow_redirects=False,
                trust_env=False,
                transport=self._transport,
            )
        body = encode(event, self._envelope)
        request = self._client.build_request(
            "POST",
            self._settings.url,
            content=body,
            headers=self._headers(event, body),
            extensions={"trace": self._deadline.trace},
        )
        try:
            with self._deadline.within(self._total_s):
                answer = self._client.send(request, stream=True)
                status = answer.status_code
                with closing(answer):
                    self._drain(answer)
        except httpx.HTTPError as error:
            if self._deadline.is_over or isinstance(error, httpx.TimeoutException):
                raise self._error("no whole answer in time", "timeout") from error
            raise self._error(f"cannot be reached ({type(error).__name__})", "unreachable") from error
        if 200 <= status < 300:
            return
        can_retry = status in (408, 429) or status >= 500
        raise self._error(f"expected an answer 2xx, got {status}", f"http_{status}", permanent=not can_retry)

    def _drain(self, answer: Any) -> None:
        """Reads a short answer so that the connection can be used again; a long one is left unread."""
        read = 0
        for chunk in answer.iter_raw():
            read += len(chunk)
            if read > MAX_ANSWER_BYTES:
                return

    def _headers(self, event: AlarmEvent, body: bytes) -> dict[str, str]:
        stamp = str(int(self._wall()))
        headers = {
            "content-type": CONTENT_TYPE,
            "user-agent": "tocsin",
            "accept-encoding": "identity",
            "idempotency-key": event.id,
            "webhook-id": event.id,
            "webhook-timestamp": stamp,
        }
        if self._secrets:
            headers["webhook-signature"] = " ".join(sign(secret, event.id, stamp, body) for secret in self._secrets)
        return headers

    def _error(self, what: str, reason: str, *, permanent: bool = False) -> SinkError:
        host = urlsplit(self._settings.url).hostname  # never the whole URL: its path or query may be a secret
        return SinkError(f"webhook {self.name} ({host}): {what}", permanent=permanent, reason=reason)


def sign(secret: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """The signature `v1,<base64 of HMAC-SHA256 over id.timestamp.body>` (standard-webhooks 1.0)."""
    content = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret, content, hashlib.sha256).digest()).decode()


def _key(settings: WebhookSettings, text: str) -> bytes:
    if not text.startswith(SECRET_PREFIX):
        return text.encode()
    try:
        return base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError:
        raise ConfigError(f"webhook {settings.name}: expected base64 after {SECRET_PREFIX} in its secret") from None
