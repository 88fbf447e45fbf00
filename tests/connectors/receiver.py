"""A local HTTP receiver whose answers the test chooses."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Request(NamedTuple):
    """One POST as it arrived; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """Listens on a free port of this machine while the `with` block lasts."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._status = 200
        self._headers: dict[str, str] = {}
        self._body = b"ok"
        self._drip_s: float | None = None
        self._stop = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.requests.append(Request(self.path, headers, body))
                receiver._reply(self)

            def log_message(self, *arguments: object) -> None:
                """Tests are quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?token=abc"

    def answer(
        self, status: int = 200, body: bytes = b"", headers: dict[str, str] | None = None, drip_s: float | None = None
    ) -> None:
        """What is answered from now on; with `drip_s`, one byte of the answer's head at a time."""
        self._status, self._body, self._headers, self._drip_s = status, body, headers or {}, drip_s

    def _reply(self, handler: BaseHTTPRequestHandler) -> None:
        if self._drip_s is not None:
            for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000:
                if self._stop.wait(self._drip_s):
                    return
                try:
                    handler.wfile.write(bytes([byte]))
                except OSError:
                    return
            return
        handler.send_response(self._status)
        for name, value in self._headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(self._body)))
        handler.end_headers()
        try:
            handler.wfile.write(self._body)
        except OSError:
            handler.close_connection = True

    def __enter__(self) -> Receiver:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()
