"""The shipped Prometheus rules, and `tocsin rules print`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from detector.schema import Dimension, Parent, Schema
from tests.tocsin import fake_view
from tocsin.commands.rules import app
from tocsin.rules import ALERTS, rules_text

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "deploy/prometheus/tocsin.rules.yml"


def rules(text: str) -> list[dict[str, str]]:
    """Every rule of a file."""
    return [rule for group in YAML(typ="safe").load(text)["groups"] for rule in group["rules"]]


def test_the_shipped_file_is_what_the_program_prints() -> None:
    """deploy/prometheus holds the rules for the default dimensions."""
    assert SHIPPED.read_text() == rules_text(Schema())


def test_rules_name_only_metrics_that_are_exported() -> None:
    """A rule on a metric that nobody exports would never fire and never say so."""
    named = {name for rule in rules(SHIPPED.read_text()) for name in re.findall(r"\btocsin_[a-z_]+", rule["expr"])}

    recorded = {rule["record"].split(":")[1] for rule in rules(SHIPPED.read_text()) if "record" in rule}
    assert set() == named - recorded - set(fake_view.exported_names())


def test_every_alert_has_its_runbook_page() -> None:
    """An alert links to a page; the page is in docs/runbook."""
    alerts = [rule["alert"] for rule in rules(SHIPPED.read_text()) if "alert" in rule]

    assert list(ALERTS) == alerts
    assert [] == [alert for alert in alerts if not (ROOT / f"docs/runbook/{alert}.md").is_file()]


def test_configured_dimensions_and_their_parents_tell_alarms_apart() -> None:
    """Two families of devices are two alerts: the parent's label is among those that are kept."""
    schema = Schema(dimensions=(Dimension("shop", (Parent("chain"),)), Dimension("till.kind")), place="shop")

    alert = next(rule for rule in rules(rules_text(schema)) if rule.get("alert") == "TocsinAnomaly")

    assert "max by (job, metric, shop, shop_chain, till_kind, direction, severity)" in alert["expr"]


def test_a_single_series_has_rules_too() -> None:
    """No dimensions, no labels beyond metric, direction and severity."""
    alert = next(r for r in rules(rules_text(Schema(dimensions=(), place=None))) if r.get("alert") == "TocsinAnomaly")

    assert "max by (job, metric, direction, severity)" in alert["expr"]


def test_print_writes_yaml_for_a_configuration(tmp_path: Path) -> None:
    """`-c` takes the dimensions of a configuration, `--runbooks` says where its own pages are."""
    config = tmp_path / "tocsin.yaml"
    config.write_text("version: 1\ndimensions: {shop: {path: shop}}\nplace: shop\nsource: {kind: simulator}\n")

    result = CliRunner().invoke(app, ["print", "-c", str(config), "--runbooks", "https://wiki.example.org/x/"])

    assert 0 == result.exit_code, result.output
    assert "metric, shop, direction" in result.stdout
    assert "runbook_url: https://wiki.example.org/x/TocsinDown" in result.stdout


@pytest.mark.parametrize("address", ["javascript:alert(1)", "wiki", "https://a b"])
def test_an_odd_address_of_runbooks_is_refused(address: str) -> None:
    """Only http and https, since people click on it."""
    result = CliRunner().invoke(app, ["print", "--runbooks", address])

    assert 2 == result.exit_code
