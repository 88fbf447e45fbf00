"""Silences: read, added and ended without touching what people wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.errors import ConfigError
from suppression.scope import Scope
from suppression.silence import Silence
from tocsin.config.faults import FaultsError
from tocsin.silences_edit import add_silence, expire_silence
from tocsin.silences_file import load_silences, parse_silences

TEXT = """\
version: 1
# the on-call's file
silences:
  - {match: {region: eu-west, activity: login}, until: 2026-12-02T06:00:00Z, by: alice@example.org, why: 'known, ticket 4711'}
  - id: db   # a name of its own
    match: {device: {not: [tv]}}
    since: 2026-12-01T00:00:00+01:00
    until: "2026-12-03T00:00:00Z"
    by: bob
    why: maintenance
"""  # noqa: E501
UNTIL = 1_796_191_200_000


def test_silences_are_read_with_their_times() -> None:
    """A missing `since` is from ever; a missing id is made from the content."""
    first, second = parse_silences({"s.yaml": TEXT})

    assert Silence(first.id, Scope({"region": ("eu-west",), "activity": ("login",)}), 0, UNTIL, "alice@example.org",
                   "known, ticket 4711") == first  # fmt: skip
    assert ("db", 1_796_079_600_000, Scope({}, {"device": ("tv",)})) == (second.id, second.since_ms, second.scope)


def test_a_file_that_is_not_there_holds_no_silence(tmp_path: Path) -> None:
    """Nobody has silenced anything yet."""
    assert () == load_silences(tmp_path / "none.yaml") == parse_silences({})


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("{match: {}, until: 2026-12-02T06:00:00Z, by: a, why: b}", "s.yaml:3:13: silences.0.match: an empty scope"),
        ("{match: {a: b}, until: 2026-12-02T06:00:00, by: a, why: b}", "silences.0.until: expected a time with Z"),
        ("{match: {a: b}, until: soon, by: a, why: b}", "expected a time such as 2026-10-15T20:15"),
        ("{match: {a: b}, until: 2026-12-02T06:00Z, by: a}", "silences.0.why: is required"),
        (
            "{match: {a: b}, until: 2026-12-02T06:00Z, by: a, why: b, utnil: c}",
            "utnil: unknown key; did you mean 'until'?",
        ),
        ("{match: {a: b}, since: 2026-12-02T06:00Z, until: 2026-12-02T06:00Z, by: a, why: b}", "is not after since"),
    ],
)
def test_wrong_silences_are_named(entry: str, expected: str) -> None:
    """File, place, value, and what was expected."""
    with pytest.raises(FaultsError) as caught:
        parse_silences({"s.yaml": f"version: 1\nsilences:\n  - {entry}\n"})

    assert expected in str(caught.value)


def test_adding_keeps_comments_and_what_was_there(tmp_path: Path) -> None:
    """Only lines are added; the mode of the file stays."""
    path = tmp_path / "s.yaml"
    path.write_text(TEXT)
    path.chmod(0o600)

    added = add_silence(path, {"region": "us-*"}, 0, UNTIL, "carol", "drill: 'blue' #3")

    assert path.read_text().startswith(TEXT)
    assert added == load_silences(path)[-1]
    assert (3, 0o600) == (len(load_silences(path)), path.stat().st_mode & 0o777)
    assert [path] == list(tmp_path.iterdir())


def test_first_silence_makes_the_file(tmp_path: Path) -> None:
    """Folder and file are made when they are needed."""
    path = tmp_path / "new" / "s.yaml"

    added = add_silence(path, {"all": True}, 0, UNTIL, "carol", "move")

    assert ((added,), Scope()) == (load_silences(path), added.scope)


def test_ending_keeps_the_entry_and_its_id(tmp_path: Path) -> None:
    """What was silenced until now stays on record; what has not begun is taken out."""
    path = tmp_path / "s.yaml"
    path.write_text(TEXT)
    first = load_silences(path)[0]

    expire_silence(path, first.id, 1_790_000_000_000)
    expire_silence(path, "db", 1_790_000_000_000)

    assert [(first.id, 1_790_000_000_000)] == [(s.id, s.until_ms) for s in load_silences(path)]
    assert "# the on-call's file" in path.read_text()


def test_ending_what_is_not_there_names_what_is(tmp_path: Path) -> None:
    """An unknown id, and one that has ended, change nothing."""
    path = tmp_path / "s.yaml"
    path.write_text(TEXT)

    with pytest.raises(ConfigError, match=r"no silence 'nope'; in force or to come: [0-9a-f]{8}, db"):
        expire_silence(path, "nope", 0)
    with pytest.raises(ConfigError, match="ended at 2026-12-03T00:00:00Z already"):
        expire_silence(path, "db", 1_900_000_000_000)
    assert path.read_text() == TEXT


def test_a_broken_file_is_not_written_to(tmp_path: Path) -> None:
    """Its faults are told, its text stays as it is."""
    path = tmp_path / "s.yaml"
    path.write_text("version: 1\nsilences: [{}]\n")

    with pytest.raises(FaultsError, match=r"silences.0.match: is required"):
        add_silence(path, {"region": "x"}, 0, UNTIL, "a", "b")
    assert path.read_text() == "version: 1\nsilences: [{}]\n"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """The file behind a symlink is replaced, and not the link."""
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_text(TEXT)
    link.symlink_to(real)

    add_silence(link, {"region": "x"}, 0, UNTIL, "a", "b")

    assert link.is_symlink()
    assert 3 == len(load_silences(real))
