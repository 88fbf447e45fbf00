"""The commands of configuration, calendar and silences: data on stdout, faults line by line, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from detector.errors import ConfigError, DataError
from tocsin.commands import calendar, config, silence
from tocsin.config.faults import FaultsError
from tocsin.silences_file import load_silences

CONFIGS = Path(__file__).parents[2] / "configs"
FIVE = "version: 1\nsource:\n  kafka:\n    bootstrap_servers: [localhost:9092]\n    topics: [samples]\n"
CALENDAR = """\
version: 1
timezone: UTC
events:
  - {id: a, when: {start: 2020-01-01, repeat: FREQ=DAILY}, scope: {region: eu-*}}
"""


def run(app: Typer, *arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(result.exception, (ConfigError, DataError)):
        raise result.exception
    assert code == result.exit_code, result.output
    return result.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    more = (
        "suppression: {calendar: {files: [calendar.yaml]}, silences: {file: silences.yaml}}\nnode: {data_dir: data}\n"
    )
    (tmp_path / "tocsin.yaml").write_text(FIVE + more)
    (tmp_path / "calendar.yaml").write_text(CALENDAR)
    return tmp_path


def test_config_check_looks_at_every_file_that_is_named(folder: Path) -> None:
    """A good configuration with a bad calendar is not fine: one line a fault, exit code 1."""
    path = folder / "tocsin.yaml"
    good = run(config.app, "check", "-c", path)

    (folder / "calendar.yaml").write_text(CALENDAR.replace("eu-*", "[]"))
    (folder / "silences.yaml").write_text("version: 1\nsilences: [{}]\n")
    bad = run(config.app, "check", "-c", path, code=1)

    assert 3 == good.count(": fine; ") + good.count(": not there yet; ")
    assert 5 == len(bad.splitlines())
    assert (
        f"{folder}/calendar.yaml:4:76: events.0.scope.region: expected at least one pattern, got an empty list" in bad
    )


def test_config_check_as_json_has_places(folder: Path) -> None:
    """Programs get the same faults as rows."""
    (folder / "tocsin.yaml").write_text(FIVE + "warmup: 1\n")

    (row,) = json.loads(run(config.app, "check", "-c", folder / "tocsin.yaml", "-o", "json", code=1))

    assert ("fault", 6, 9, "warmup") == (row["kind"], row["line"], row["column"], row["path"])


def test_config_show_masks_secrets_and_can_be_read_again(tmp_path: Path) -> None:
    """What is printed is a configuration; no secret is in it."""
    path = tmp_path / "tocsin.yaml"
    path.write_text(FIVE + "outputs: {webhooks: [{name: a, url: http://h, secret: canary}]}\n")

    given = run(config.app, "show", "-c", path)
    effective = run(config.app, "show", "--effective", "-c", path)
    path.write_text(effective)

    assert "canary" not in given + effective
    assert ("max_series" in effective, "max_series" in given) == (True, False)
    assert effective == run(config.app, "show", "--effective", "-c", path)


def test_config_show_of_a_bad_file_raises_with_exit_code_2(tmp_path: Path) -> None:
    """Only a check exits 1; every other command cannot work with a bad configuration."""
    with pytest.raises(FaultsError) as caught:
        run(config.app, "show", "-c", tmp_path / "none.yaml")

    assert (2, "no such file") == (caught.value.exit_code, caught.value.faults[0].reason)


def test_schemas_are_json() -> None:
    """Both schemas print and speak draft 7."""
    for app in (config.app, calendar.app):
        assert "http://json-schema.org/draft-07/schema#" == json.loads(run(app, "schema"))["$schema"]


def test_calendar_commands_use_the_files_of_the_configuration(folder: Path) -> None:
    """Seven days of a daily event are seven or eight occurrences; a zone adds its own columns."""
    rows = json.loads(run(calendar.app, "next", "-c", folder / "tocsin.yaml", "-o", "json"))
    table = run(calendar.app, "next", folder / "calendar.yaml", "--days", 1, "--tz", "Asia/Tokyo")
    (listed,) = json.loads(run(calendar.app, "list", "-c", folder / "tocsin.yaml", "-o", "json"))

    assert len(rows) in (7, 8)
    assert "START (Asia/Tokyo)" in table
    assert ("a", {"region": ["eu-*"]}) == (listed["id"], listed["scope"])


def test_calendar_check_warns_and_fails_apart(folder: Path) -> None:
    """A warning leaves exit code 0, a fault makes it 1."""
    path = folder / "calendar.yaml"
    path.write_text(CALENDAR.replace("region", "regoin"))
    warned = run(calendar.app, "check", path, "-c", folder / "tocsin.yaml")
    path.write_text(CALENDAR.replace("UTC", "UTX"))
    failed = run(calendar.app, "check", path, code=1)

    assert f"warning: {path}:4:76: events.0.scope.regoin: 'regoin' is neither metric, a dimension" in warned
    assert f"{path}:2:11: timezone: unknown time zone 'UTX'" in failed


def test_calendar_import_prints_yaml(tmp_path: Path) -> None:
    """What is printed passes `calendar check`; a wrong flag is named."""
    path, out = tmp_path / "c.csv", tmp_path / "c.yaml"
    path.write_text("start,end,name\n2026-01-01T00:00,2026-01-01T23:00,a\n")

    out.write_text(run(calendar.app, "import-csv", path, "--interval", "1h", "--tz", "Europe/Berlin"))

    assert ": fine; 1 events" in run(calendar.app, "check", out)
    with pytest.raises(ConfigError, match="--interval: a duration needs a unit"):
        run(calendar.app, "import-csv", path, "--interval", "1")
    with pytest.raises(ConfigError, match="--tz: unknown time zone 'Nowhere'"):
        run(calendar.app, "import-csv", path, "--tz", "Nowhere")


def test_silence_is_added_listed_and_ended(folder: Path) -> None:
    """The id that `add` prints is the one that `list` shows and `expire` takes."""
    options = ("-c", folder / "tocsin.yaml")
    identity = run(
        silence.app,
        "add",
        *options,
        "--match",
        "region=eu-*,device!=tv",
        "--match",
        "region=us-1",
        "--until",
        "2h",
        "--why",
        "x",
    ).strip()

    (row,) = json.loads(run(silence.app, "list", *options, "-o", "json"))
    run(silence.app, "expire", *options, identity)

    assert (identity, "in force") == (row["id"], row["state"])
    assert {"region": ["eu-*", "us-1"], "device": {"not": ["tv"]}} == row["match"]
    assert [] == json.loads(run(silence.app, "list", *options, "-o", "json"))
    assert ["ended"] == [r["state"] for r in json.loads(run(silence.app, "list", "--all", *options, "-o", "json"))]
    assert 1 == len(load_silences(folder / "silences.yaml"))


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (("--match", "region", "--until", "2h", "--why", "x"), "--match: expected region=eu-"),
        (("--match", "region=x", "--until", "soon", "--why", "x"), "--until: expected a time such as"),
        (("--match", "region=x", "--until", "2020-01-01", "--why", "x"), "--until: expected a time after the start"),
        (("--match", "region=x", "--until", "2h", "--why", ""), "why: expected a text that is not empty"),
    ],
)
def test_wrong_flags_of_a_silence_are_named(folder: Path, flags: tuple[str, ...], expected: str) -> None:
    """Nothing is written, and the flag and its value are told."""
    with pytest.raises(ConfigError, match=expected):
        run(silence.app, "add", "-c", folder / "tocsin.yaml", *flags)
    assert not (folder / "silences.yaml").exists()
