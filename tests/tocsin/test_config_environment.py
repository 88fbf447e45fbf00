"""Environment and secrets: variables are set or told, overrides are checked like the file, secrets never show."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from tocsin.config.config import Config
from tocsin.config.faults import FaultsError
from tocsin.config.load import load_config, parse_config

FIVE = "version: 1\nsource:\n  kafka:\n    bootstrap_servers: [localhost:9092]\n    topics: [samples]\n"
SASL = "    security_protocol: SASL_SSL\n    sasl_mechanism: PLAIN\n    sasl_username: u\n"


def config(more: str = "", **environment: str) -> Config:
    return parse_config(FIVE + more, "t.yaml", environment)


def test_variables_are_replaced_before_types_are_read() -> None:
    """A plain number stays a number, `$$` a dollar."""
    loaded = config("max_series: ${LIMIT}\nnode: {id: 'n-${POD}$$'}\n", LIMIT="5000", POD="3")

    assert (5000, "n-3$") == (loaded.model.max_series, loaded.node_id)


def test_hostname_is_always_known() -> None:
    """Shells do not export it; the machine knows it."""
    assert config("node: {id: '${HOSTNAME}'}\n").node_id


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("${NOPE}", "the environment variable NOPE is not set"),
        ("${EMPTY}", "the environment variable EMPTY is not set"),
        ("${A:-b}", r"expected \$\{NAME\}"),
        ("${", r"expected \$\{NAME\}"),
    ],
)
def test_unset_variables_are_errors_and_never_empty_text(text: str, reason: str) -> None:
    """An unset or empty variable is told at its place; the rest of the file is checked all the same."""
    with pytest.raises(FaultsError, match=reason) as caught:
        config(f"node: {{id: '{text}'}}\nwarmup: 3\n", EMPTY="")

    assert ["t.yaml:6:12", "t.yaml:7:9"] == [f"{f.file}:{f.line}:{f.column}" for f in caught.value.faults]


def test_environment_overrides_the_file() -> None:
    """Names are compared without case, values are YAML, and free names keep the case of the file."""
    loaded = config(
        "metrics: {Requests: {}}\n",
        TOCSIN__WEB__LISTEN="0.0.0.0:80",
        TOCSIN__METRICS__REQUESTS__KIND="count",
        TOCSIN__SOURCE__KAFKA__TOPICS="[a, b]",
        TOCSIN__SOURCE__KAFKA__TOPICS__1="c",
        TOCSIN_TESTING="1",
    )

    assert loaded.source.kafka is not None
    assert ("0.0.0.0:80", "count", ("a", "c")) == (
        loaded.model.web.listen, loaded.model.metrics["Requests"].kind, loaded.source.kafka.topics,
    )  # fmt: skip


def test_faults_of_overrides_name_the_variable() -> None:
    """A typo in a variable is a fault like one in the file."""
    with pytest.raises(FaultsError) as caught:
        config("", TOCSIN__WEB__LISTN="x", TOCSIN__WARMUP="soon")

    first, second = map(str, caught.value.faults)
    assert first.startswith("environment variable TOCSIN__WARMUP:1:8: warmup: expected a duration")
    assert "environment variable TOCSIN__WEB__LISTN:1:8: web.listn: unknown key; did you mean 'listen'?" == second


def test_secret_file_is_read_without_its_newline_and_never_shown(tmp_path: Path) -> None:
    """repr, str, effective configuration and fingerprint know nothing of the secret."""
    secret = tmp_path / "password"
    secret.write_text("canary-1\n")
    secret.chmod(0o600)
    path = tmp_path / "t.yaml"
    path.write_text(FIVE + SASL + "    sasl_password_file: password\n")

    loaded = load_config(path, {})

    assert loaded.source.kafka is not None
    assert loaded.source.kafka.sasl_password is not None
    assert "canary-1" == loaded.source.kafka.sasl_password.reveal()
    assert () == loaded.warnings
    assert (
        "canary" not in f"{loaded} {loaded!r} {loaded.effective()} {loaded.given()} {loaded.source.kafka.sasl_password}"
    )


def test_readable_secret_is_a_warning_and_missing_or_empty_ones_are_faults(tmp_path: Path) -> None:
    """0644 is told; no file, an empty file, and both ways at once are refused."""
    (tmp_path / "open").write_text("s\n")
    (tmp_path / "open").chmod(0o644)
    (tmp_path / "empty").write_text("\n")
    path = tmp_path / "t.yaml"

    def load(line: str) -> Config:
        path.write_text(FIVE + SASL + f"    {line}\n")
        return load_config(path, {})

    assert "mode 0644" in load("sasl_password_file: open").warnings[0].reason
    assert "a secret in the file itself" in load("sasl_password: s").warnings[0].reason
    for line, reason in (
        ("sasl_password_file: gone", "cannot be read: No such file"),
        ("sasl_password_file: empty", "is empty"),
        ("sasl_password_file: open\n    sasl_password: x", "exclude each other"),
        ("sasl_username: v", "is given twice"),
    ):
        with pytest.raises(FaultsError, match=reason):
            load(line)


def test_wrong_secret_is_not_in_its_own_error() -> None:
    """A secret of the wrong type, and one beside other faults, is shown nowhere."""
    for line in ("sasl_password: 123454321", "sasl_password: [canary]", "sasl_password: canary\n    start: never"):
        with pytest.raises(FaultsError) as caught:
            config(SASL + f"    {line}\n")
        text = "".join(traceback.format_exception(caught.value))
        assert "123454321" not in text
        assert "canary" not in text


def test_database_password_is_masked() -> None:
    """A URL loses its user part when it is shown."""
    shown = str(config("outputs: {database: {url: 'postgresql://u:canary@h/db'}}\n").effective())

    assert "canary" not in shown
    assert "postgresql://***@h/db" in shown
