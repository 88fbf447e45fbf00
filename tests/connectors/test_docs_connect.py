"""What the pages about messages show is what the codec reads."""

from __future__ import annotations

import re
from pathlib import Path

from connectors.codec import Record
from connectors.codecs.json import JsonCodec
from connectors.mapping import RecordMapping
from tocsin.config.load import parse_config

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


def test_the_how_to_reads_its_own_message() -> None:
    """Its configuration and its message fit together."""
    (message,), config = blocks("how-to/connect-a-topic.md", "json"), blocks("how-to/connect-a-topic.md", "yaml")[0]

    decoded = JsonCodec(parse_config(config).mapping()).decode([Record(0, 0, None, message.encode())])

    assert [("requests", "ios", "eu-west", "login")] == decoded.keys
    assert ([412.0], [1_795_214_820_000], []) == (
        decoded.value.tolist(),
        decoded.time_ms.tolist(),
        decoded.rejected,
    )


def test_the_three_layouts_of_the_reference_hold_the_same_samples() -> None:
    """Single shows the first of the two."""
    single, batch, columnar = blocks("reference/json-codec.md", "json")
    expected = [("value", "ios", "eu-west", "login")] * 2

    found = [
        JsonCodec(mapping).decode([Record(0, 0, None, message.encode())])
        for mapping, message in [
            (RecordMapping(), single),
            (RecordMapping(layout="batch", samples=("points",)), batch),
            (RecordMapping(layout="columnar", samples=("points",)), columnar),
        ]
    ]

    assert [expected[:1], expected, expected] == [decoded.keys for decoded in found]
    assert [[412.0], [412.0, 405.0], [412.0, 405.0]] == [decoded.value.tolist() for decoded in found]
