"""The fast writer of the text format, checked with the client library's own parser."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from tocsin.exposition import CHUNK, GaugeBlock, label_name, label_text, write_gauge

HOSTILE = [
    "<script>alert(1)</script>", '"><img onerror=x>', "{{7*7}}", "${jndi:ldap://x}", "'; DROP TABLE",
    "../../etc/passwd", "=cmd()", "a\r\nSet-Cookie: x", "back\\slash", 'quote"', "new\nline", "tab\t", "50%",
    "%s %d %(x)s", "é😀", "}", ",", "\\n",
]  # fmt: skip


def parsed(text: bytes) -> dict[tuple[tuple[str, str], ...], float]:
    """Samples by labels, as the client library reads them."""
    families = text_string_to_metric_families(text.decode())
    return {tuple(sorted(s.labels.items())): s.value for family in families for s in family.samples}


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_label_value_comes_back_as_it_was(value: str) -> None:
    """Backslash, quote and newline are escaped; nothing ends a sample early."""
    block = GaugeBlock("tocsin_surprise", "x")
    block.grow([label_text({"metric": "m", "device": value})])

    text = b"".join(block.write(np.array([1.5], np.float32)))

    assert {(("device", value), ("metric", "m")): 1.5} == parsed(text)


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=40))
def test_any_text_is_a_label_value(value: str) -> None:
    """Whatever producers write as a label, the exposition stays readable."""
    found = parsed(write_gauge("x", "y", [({"device": value}, 1.0)]))

    assert {(("device", value),): 1.0} == found


def test_what_cannot_be_utf_8_is_replaced() -> None:
    """A lone surrogate would end the scrape of everything."""
    assert {(("device", "?"),): 1.0} == parsed(write_gauge("x", "y", [({"device": "\ud800"}, 1.0)]))


def test_a_missing_number_is_an_absent_sample() -> None:
    """NaN and infinities are left out, and come back when there is a number again."""
    block = GaugeBlock("x", "y")
    block.grow(label_text({"row": str(row)}) for row in range(3))

    first = parsed(b"".join(block.write(np.array([1, np.nan, np.inf]))))
    second = parsed(b"".join(block.write(np.array([np.nan, 2, 3]))))

    assert {(("row", "0"),): 1.0} == first
    assert {(("row", "1"),): 2.0, (("row", "2"),): 3.0} == second


def test_rows_may_come_later() -> None:
    """A block that grows across a chunk writes every row once, under its own labels."""
    block = GaugeBlock("x", "y")
    expected = {}
    for first, last in ((0, 5), (5, CHUNK + 3), (CHUNK + 3, 2 * CHUNK + 1)):
        block.grow(label_text({"row": str(row)}) for row in range(first, last))
        expected = {(("row", str(row)),): float(row) for row in range(last)}

        assert expected == parsed(b"".join(block.write(np.arange(last, dtype=np.float64))))


def test_label_names_are_made_legal() -> None:
    """A dimension may bear a name that Prometheus does not allow."""
    assert ["device_family", "_1st", "a_b"] == [label_name(name) for name in ("device.family", "1st", "a-b")]


def test_both_ways_of_writing_agree_with_the_client_library() -> None:
    """Six digits of every number survive."""
    values = np.random.default_rng(3).normal(0, 5, 100)
    block = GaugeBlock("x", "y")
    block.grow(label_text({"row": str(row)}) for row in range(100))

    found = list(parsed(b"".join(block.write(values))).values())

    np.testing.assert_allclose(found, values, rtol=1e-5)
