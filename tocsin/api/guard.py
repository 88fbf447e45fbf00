"""The outermost layer of the web server: host allow-list, body limit, security headers, last resort for errors."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tocsin.api.answers import new_reference, problem

BODY_LIMIT = 1 << 20
HEADER_LIMIT = 16 * 1024
REQUEST_SECONDS = 30
SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
log = logging.getLogger("tocsin.api")


class BodyTooLargeError(Exception):
    """A request's body went beyond the limit."""


class Guard:
    """Wraps the whole application, so that a 404, a 500 and a refused host bear the same headers as a page.

    `hosts` are names that a request may be addressed to, without port. An IP address is always let through: DNS
    rebinding needs a name, and Prometheus and Kubernetes address us by address.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = (), body_limit: int = BODY_LIMIT) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts) | {"localhost"}
        self._body_limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # we speak no WebSocket
            await send({"type": "websocket.close", "code": 1008})
            return
        await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_started = False

        async def guarded_send(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        request = Headers(scope=scope)
        refusal = self._refusal(request)
        if refusal is not None:
            status, detail = refusal
            await problem(status, detail)(scope, receive, guarded_send)
            return
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                await self._app(scope, self._limited(receive), guarded_send)
        except BodyTooLargeError:
            answer = problem(413, f"body: at most {self._body_limit} bytes expected")
        except TimeoutError:
            answer = problem(503, f"no answer within {REQUEST_SECONDS} s", {"retry-after": "5"})
        except Exception:
            if has_started:  # answered and logged inside
                return
            reference = new_reference()
            log.exception("request failed", extra={"reference": reference, "path": scope.get("path")})
            detail = "something failed on our side; the log tells more under this reference"
            answer = problem(500, detail, reference=reference)
        else:
            return
        if not has_started:
            await answer(scope, receive, guarded_send)

    def _refusal(self, request: Headers) -> tuple[int, str] | None:
        host = request.get("host", "")
        if not self._is_allowed(host):
            return 421, f"host: expected the name in web.external_url, localhost or an address, got {host[:64]!r}"
        size = sum(len(name) + len(value) for name, value in request.raw)
        if size > HEADER_LIMIT:
            return 431, f"headers: at most {HEADER_LIMIT} bytes expected, got {size}"
        length = request.get("content-length", "0")
        if not length.isdecimal():
            return 400, f"content-length: expected a number, got {length[:64]!r}"
        if int(length) > self._body_limit:
            return 413, f"body: at most {self._body_limit} bytes expected, got {int(length)}"
        return None

    def _is_allowed(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name.rstrip(".") in self._hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _limited(self, receive: Receive) -> Receive:
        taken = 0

        async def limited() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._body_limit:
                raise BodyTooLargeError
            return message

        return limited
