"""The files that pages may load: a fixed manifest, read once, each with its hash."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

TYPES = {
    "app.css": "text/css; charset=utf-8",
    "common.js": "text/javascript; charset=utf-8",
    "inbox.js": "text/javascript; charset=utf-8",
    "alarm.js": "text/javascript; charset=utf-8",
    "favicon.svg": "image/svg+xml",
    "vendor/uPlot.iife.min.js": "text/javascript; charset=utf-8",
    "vendor/uPlot.min.css": "text/css; charset=utf-8",
    "vendor/uPlot.LICENSE.txt": "text/plain; charset=utf-8",
}


class Asset(NamedTuple):
    """One file as it is served."""

    body: bytes
    content_type: str
    tag: str  # hash of the content, in the address and as ETag


@cache
def manifest() -> dict[str, Asset]:
    """Every servable file by its name; nothing else can be asked for."""
    folder = files("tocsin.web") / "static"
    assets = {}
    for name, content_type in TYPES.items():
        body = folder.joinpath(*name.split("/")).read_bytes()
        assets[name] = Asset(body, content_type, hashlib.sha256(body).hexdigest()[:16])
    return assets


def address(name: str) -> str:
    """Where a page finds the file; changes with its content."""
    return f"/static/{name}?v={manifest()[name].tag}"
