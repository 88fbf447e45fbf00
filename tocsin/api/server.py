"""The web server in a thread of the daemon."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from detector.errors import ConfigError, StorageError, TocsinError

START_SECONDS = 10.0
STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ServerHandle:
    """A running server: where it listens, and how to end it."""

    host: str
    port: int
    _server: uvicorn.Server
    _thread: threading.Thread

    @property
    def url(self) -> str:
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"

    def stop(self) -> None:
        """Ends the server; requests under way may finish for a moment."""
        self._server.should_exit = True
        self._thread.join(STOP_SECONDS)


def serve_in_thread(app: ASGIApp, host: str, port: int, *, insecure: bool = False) -> ServerHandle:
    """Starts to serve and returns once it listens; port 0 takes a free one.

    Nobody is asked who reads, hence any address but loopback is refused unless `insecure` says that something else
    (a proxy, a network policy) keeps strangers out. Raises ConfigError, or StorageError when the port is taken.
    """
    if not insecure and not _is_loopback(host):
        raise ConfigError(
            f"web.listen: {host}:{port} can be reached from other machines and nothing asks who reads; expected a "
            "loopback address such as 127.0.0.1, or the flag that allows it because a proxy keeps strangers out"
        )
    listener = _listen(host, port)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=True,
            proxy_headers=False,
            ws="none",
            lifespan="off",
            limit_concurrency=100,
            timeout_keep_alive=10,
            timeout_graceful_shutdown=2,
            h11_max_incomplete_event_size=16 * 1024,
            http="h11",
        )
    )
    thread = threading.Thread(target=server.run, args=([listener],), name="tocsin-web", daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            server.should_exit = True
            raise TocsinError(f"web.listen: the server on {host}:{port} did not start")
        time.sleep(0.005)
    return ServerHandle(host, int(listener.getsockname()[1]), server, thread)


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise ConfigError(f"web.listen: expected a port from 0 to 65535, got {port}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise StorageError(f"web.listen: cannot listen on {host}:{port}: {error.strerror or error}") from None
    return listener
