"""`tocsin alarms`, `suppressed` and `explain`: what a person or a program gets to see of what was kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from ruamel.yaml import YAML
from typer.testing import CliRunner, Result

from connectors.journal import Journal
from detector.errors import ConfigError, StorageError, TocsinError
from suppression.alarm import AlarmEvent
from tocsin.commands.alarms import app as alarms
from tocsin.commands.explain import explain
from tocsin.commands.suppressed import app as suppressed

app = typer.Typer()
app.add_typer(alarms, name="alarms")
app.add_typer(suppressed, name="suppressed")
app.command()(explain)

FIRING, HELD = "01M7XJ1690T7J9ZK3X2F6R1B8C", "01M7XJ1690T7J9ZK3X2F6R1B8D"


def body(alarm: str, *, held: bool) -> dict[str, object]:
    return {
        "alarm_id": alarm, "revision": 1, "state": "held" if held else "firing", "severity": "critical", "end": None,
        "series": {"metric": "requests", "device": "tv" if held else "ios", "region": "eu-west", "activity": "*"},
        "cuboid": {"first": {"device": "tv" if held else "ios", "region": "eu-west"}},
        "summary": "requests on ios in eu-west are 63% below expected [red]for 4 min[/red]\x1b[31m",
        "direction": "down",
        "starts_at": "2026-11-20T22:43:00Z", "detected_at": "2026-11-20T22:45:00Z", "ends_at": None,
        "observed": 412.0, "expected": 1113.4, "lower": 1021.0, "upper": None, "surprise": -12.3, "p": 5e-13,
        "evidence": {
            "scorers": [{"name": "correlation", "surprise": -9.4, "peak": -10.1, "value": -6.4, "explains": "by"}],
            "votes": {"for": 3, "against": 0, "abstain": 2, "effective": 2.1},
            "witnesses": [{"metric": "cdn_bytes", "region": "eu-west", "stack": "delivery", "surprise": 0.3}],
            "event": {"id": "premiere", "predicted": 0.24, "observed": -0.63, "explains": False},
            "checks": {"calendar": held, "stack": False},
            "threshold": {"fused": 17.4, "at": 7.5, "budget": {"rate": 3, "per": "1000-series-week", "realised": 2.6}},
        },
        "suppression": {"reasons": [{"reason": "calendar", "by": "nfl"}]} if held else None,
    }  # fmt: skip


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    journal = Journal(tmp_path / "journal.db")
    events = [
        AlarmEvent("fired", 60_000, FIRING, 1, "firing", "critical", None, True, body(FIRING, held=False)),
        AlarmEvent("held", 60_000, HELD, 1, "held", "critical", None, False, body(HELD, held=True)),
    ]
    journal.commit("60000", 60_000, events, record_ms=None, now_ms=0)
    journal.close()
    return tmp_path


def run(*arguments: str, data_dir: Path) -> Result:
    result = CliRunner().invoke(app, [*arguments, "--data-dir", str(data_dir)], env={"COLUMNS": "160", "NO_COLOR": "1"})
    if isinstance(result.exception, TocsinError):
        raise result.exception
    return result


def test_the_list_shows_one_line_an_alarm(data_dir: Path) -> None:
    """Newest first, with state, series, deviation and what holds it."""
    result = run("alarms", "list", data_dir=data_dir)

    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert len(lines) == 3
    assert lines[0].startswith("ID")
    assert "requests device=tv region=eu-west" in lines[1]
    assert "calendar" in lines[1]
    assert "-63%" in lines[2]


@pytest.mark.parametrize("form", ["json", "jsonl", "yaml"])
def test_programs_get_the_whole_body(data_dir: Path, form: str) -> None:
    """Every form but the table has all keys, on stdout, and nothing else."""
    text = run("alarms", "list", "--state", "firing", "-o", form, data_dir=data_dir).stdout

    rows = {"json": json.loads, "jsonl": lambda t: [json.loads(t)], "yaml": YAML(typ="safe").load}[form](text)

    assert [body(FIRING, held=False)] == [dict(row) for row in rows]


def test_filters_narrow_the_list(data_dir: Path) -> None:
    """State, severity, labels, limit; the ledger has only what was held."""

    def count(*arguments: str) -> int:
        return len(json.loads(run(*arguments, "-o", "json", data_dir=data_dir).stdout))

    assert count("alarms", "list") == 2
    assert count("alarms", "list", "--match", "device=io*,region=eu-west") == 1
    assert count("alarms", "list", "--match", "device=io*", "--match", "device=tv") == 2
    assert count("alarms", "list", "--severity", "info,warning") == 0
    assert count("alarms", "list", "--limit", "1") == 1
    assert count("alarms", "list", "--since", "2h") == 2
    assert count("suppressed", "list") == 1
    assert count("suppressed", "list", "--reason", "stack") == 0


def test_explain_shows_what_speaks_for_and_against(data_dir: Path) -> None:
    """The sentence, each scorer, the votes, each reason considered, witnesses, event, threshold and timeline."""
    text = run("explain", FIRING, data_dir=data_dir).stdout

    for word in ("FIRING", "63% below expected", "correlation", "-9.4", "3 for", "2.1 independent", "calendar",
                 "cdn_bytes region=eu-west", "premiere", "7.5", "3 per 1000-series-week", "fired"):  # fmt: skip
        assert word in text


def test_explain_gives_programs_the_evidence(data_dir: Path) -> None:
    """JSON with the evidence, the suppression and the timeline; an id with its revision is taken too."""
    found = json.loads(run("explain", f"{HELD}/1", "-o", "json", data_dir=data_dir).stdout)

    assert found["suppression"]["reasons"][0]["by"] == "nfl"
    assert body(HELD, held=True)["evidence"] == found["evidence"]
    assert [("held", False)] == [(entry["type"], entry["told"]) for entry in found["timeline"]]


@pytest.mark.parametrize("command", ["alarms", "suppressed"])
def test_nothing_from_a_stream_controls_the_terminal(data_dir: Path, command: str) -> None:
    """Markup and escape sequences in a summary come out as text."""
    text = run(command, "show", FIRING, data_dir=data_dir).stdout

    assert "\x1b" not in text
    assert "[red]for 4 min[/red]" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["alarms", "show", "nobody"], "there is no alarm 'nobody'"),
        (["alarms", "list", "--state", "open"], "--state: expected one of pending, held, firing, resolved, got 'open'"),
        (["alarms", "list", "--match", "device"], "--match: expected region=us-*,activity=login, got 'device'"),
        (["alarms", "list", "--since", "yesterday"], "--since: expected a time"),
        (["suppressed", "list", "--reason", "cup"], "--reason: expected one of calendar"),
    ],
)
def test_wrong_flags_name_the_place_the_value_and_what_was_expected(
    data_dir: Path, arguments: list[str], message: str
) -> None:
    """Exit code 2."""
    with pytest.raises(ConfigError) as caught:
        run(*arguments, data_dir=data_dir)

    assert message in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_directory_without_a_journal_says_so_and_stays_empty(tmp_path: Path) -> None:
    """Reading creates nothing."""
    with pytest.raises(StorageError, match="there is no journal"):
        run("alarms", "list", data_dir=tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_the_history_database_of_a_configuration_is_read(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With -c, from the database if it is there, else from the journal; both answer alike."""
    from connectors.history import History
    from tocsin.clock import ManualClock
    from tocsin.projection import HistoryProjection

    config = data_dir / "tocsin.yaml"
    config.write_text("version: 1\nnode: {data_dir: .}\n")
    monkeypatch.chdir(data_dir)
    runner = CliRunner()
    from_journal = runner.invoke(app, ["alarms", "list", "-c", str(config), "-o", "json"])
    HistoryProjection(data_dir / "journal.db", History(f"sqlite:///{data_dir}/tocsin.db"), ManualClock()).work()

    from_history = runner.invoke(app, ["alarms", "list", "-o", "json"])

    assert len(json.loads(from_journal.stdout)) == 2
    assert from_journal.stdout == from_history.stdout
