"""Documents: YAML 1.2 with places; hostile or broken text gets file, line and reason, and nothing runs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tocsin.config.document import decode_text, parse_document, read_text
from tocsin.config.faults import FaultsError


def faults(text: str) -> list[str]:
    with pytest.raises(FaultsError) as caught:
        parse_document(text, "c.yaml")
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "c.yaml:1:1: the file is empty"),
        ("# only\n# comments\n", "c.yaml:1:1: the file is empty"),
        ("a:\n\tb: 1\n", "c.yaml:2:1: found character '\\t'"),
        ("a: 'x\nb: 1\n", "c.yaml:3:1: found unexpected end of stream, while scanning a quoted scalar"),
        ("a: [1,\n", "c.yaml:2:1: "),
        ("a:\n  b: 1\n c: 2\n", "c.yaml:3:"),
        ("a: 1\nb: 2\na: 3\n", "c.yaml:3:1: 'a' is given twice, first on line 1"),
        ("a: 1\n---\nb: 2\n", "c.yaml:2:1: a second document starts here"),
        ("a: &x [1]\nb: *x\n", "c.yaml:2:4: aliases (*x) are not allowed"),
        ("a: &x [*x]\n", "c.yaml:1:8: aliases (*x) are not allowed"),
        ("a: !!python/object/apply:os.system ['true']\n", "c.yaml:1:4: the tag tag:yaml.org,2002:python/object/apply"),
        ("a: ! x\n", "c.yaml:1:4: the tag ! is not allowed"),
        ("a: " + "[" * 40 + "]" * 40 + "\n", "nested deeper than 32"),
        ("a: " + "[" * 5_000 + "]" * 5_000 + "\n", "nested deeper than 32"),
        ("- a\n- b\n", "c.yaml:1:1: expected names with values, found a list"),
        ("just text\n", "c.yaml:1:1: expected names with values, found 'just text'"),
        ("? [a]\n: 1\n", "c.yaml:1:3: expected a name"),
        ("a: \x01\n", "c.yaml:1:4: the character"),
        ("\x00" * 10, "c.yaml:1:1: the character"),
    ],
)
def test_broken_or_hostile_text_is_refused_at_its_place(text: str, expected: str) -> None:
    """Each kind of broken or hostile text has its line, column and reason."""
    found = faults(text)

    assert any(expected in fault for fault in found), found


def test_alias_bomb_is_refused_before_it_can_grow() -> None:
    """Nine levels of nine aliases are not walked."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]

    began = time.perf_counter()
    found = faults("\n".join(lines))

    assert "c.yaml:2:10: aliases (*a0) are not allowed" in found[0]
    assert time.perf_counter() - began < 0.5


def test_yaml_1_2_reads_words_and_numbers_plainly() -> None:
    """No octal, no sexagesimal, no yes and no: the traps of YAML 1.1 are texts or decimal numbers."""
    text = "a: 12:30\non: NO\nb: 010\nc: 1e3\nd: yes\ne: '7'\nf: 0x1F\ng: ~\nh: true\ni: 2026-02-30\n"

    expected = {"a": "12:30", "on": "NO", "b": 10, "c": 1000.0, "d": "yes", "e": "7", "f": 31, "g": None, "h": True}

    assert {**expected, "i": "2026-02-30"} == parse_document(text, "c.yaml").plain()


def test_byte_order_mark_is_allowed_and_other_encodings_are_named() -> None:
    """UTF-8 with or without a mark; UTF-16 and binary are refused by name."""
    assert "a: 1" == decode_text(b"\xef\xbb\xbfa: 1", "c.yaml")
    with pytest.raises(FaultsError, match="found UTF-16"):
        decode_text("a: 1".encode("utf-16"), "c.yaml")
    with pytest.raises(FaultsError, match=r"c\.yaml:2:4: expected UTF-8"):
        decode_text(b"a: 1\nb: \xff\n", "c.yaml")


def test_files_that_are_no_files_are_named(tmp_path: Path) -> None:
    """Missing, a folder, too large: each is a fault of that file, found before parsing."""
    large = tmp_path / "large.yaml"
    with large.open("wb") as out:
        out.truncate(50 * 2**20)

    for path, reason in (
        (tmp_path / "none.yaml", "no such file"),
        (tmp_path, "found a directory"),
        (large, "52,428,800 bytes, expected at most 5,242,880"),
    ):
        with pytest.raises(FaultsError, match=reason):
            read_text(path)
