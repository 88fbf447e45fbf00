"""Our own files, read again: whole or not at all, by content, the last good one stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from detector.errors import ConfigError
from tocsin.controls_log import Files, digest, pack
from tocsin.reload import MAX_BYTES, Reloader, WatchedFiles


def parse(files: Files) -> object:
    for name, text in files.items():
        if "bad" in text:
            raise ConfigError(f"{name}:1:1: expected no bad word")
    return files


def watch(*patterns: Path, absent: bool = False) -> Reloader:
    return Reloader([WatchedFiles("calendar", tuple(map(str, patterns)), parse, may_be_absent=absent)])


def test_a_content_is_applied_once(tmp_path: Path) -> None:
    """Touching a file changes nothing; another content does; the first one again does too."""
    path = tmp_path / "calendar.yaml"
    path.write_text("one")
    reloader = watch(path)

    found = []
    for text in ("one", "one", "two", "one"):
        path.write_text(text)
        found.append([json.loads(t)[str(path)] for _, t in reloader.check(1)[0]])

    assert found == [["one"], [], ["two"], ["one"]]


def test_what_the_journal_has_in_force_is_not_applied_again(tmp_path: Path) -> None:
    """After a restart only a change counts."""
    path = tmp_path / "calendar.yaml"
    path.write_text("one")
    reloader = watch(path)
    reloader.assume("calendar", digest(pack({str(path): "one"})))

    assert reloader.check(1) == ([], [])


def test_a_bad_file_leaves_the_status_of_the_last_good_one(tmp_path: Path) -> None:
    """P21: not good, the time of the last success stays; good again when it is repaired."""
    path = tmp_path / "calendar.yaml"
    path.write_text("one")
    reloader = watch(path)
    reloader.check(5)
    path.write_text("bad")
    changed, faults = reloader.check(9)
    broken = reloader.status()["calendar"]
    path.write_text("one")
    reloader.check(12)

    assert changed == []
    assert [str(fault) for fault in faults] == [f"{path}:1:1: expected no bad word"]
    assert (broken.is_good, broken.last_success_ms) == (False, 5)
    assert reloader.status()["calendar"].is_good


def test_one_bad_file_of_several_keeps_all_of_them(tmp_path: Path) -> None:
    """Never half a calendar."""
    (tmp_path / "a.yaml").write_text("good")
    (tmp_path / "b.yaml").write_text("bad")

    assert watch(tmp_path / "*.yaml").check(1)[0] == []


@pytest.mark.parametrize("kind", ["missing", "directory", "utf16", "huge"])
def test_what_is_no_text_file_is_a_fault_that_names_it(tmp_path: Path, kind: str) -> None:
    """F50, B60: absent, replaced by a directory, another encoding, 50 MB."""
    path = tmp_path / "calendar.yaml"
    if kind == "directory":
        path.mkdir()
    elif kind == "utf16":
        path.write_bytes("événement".encode("utf-16"))
    elif kind == "huge":
        with open(path, "wb") as file:
            file.truncate(MAX_BYTES + 1)

    changed, faults = watch(path).check(1)

    assert changed == []
    assert str(path) in str(faults[0])


def test_a_file_that_may_be_absent_holds_nothing(tmp_path: Path) -> None:
    """No silences file yet: nobody has silenced anything."""
    changed, faults = watch(tmp_path / "silences.yaml", absent=True).check(1)

    assert (changed, faults) == ([("calendar", "{}")], [])


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    """Editors that write one change nothing."""
    path = tmp_path / "calendar.yaml"
    path.write_bytes(b"\xef\xbb\xbfone")

    assert json.loads(watch(path).check(1)[0][0][1]) == {str(path): "one"}
