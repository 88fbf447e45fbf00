"""Codecs: what the bytes of a record mean."""

from connectors.codec import Codec
from connectors.kinds import resolve_kind

KINDS = {
    "json": "connectors.codecs.json:JsonCodec",
}


def resolve(kind: str) -> type[Codec]:
    """The codec class of a kind."""
    return resolve_kind("codecs", KINDS, kind)
