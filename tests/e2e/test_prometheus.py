"""The Prometheus of the tests scrapes, evaluates rules and fires."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.e2e.prometheus import Prometheus, eventually, firing, value
from tests.e2e.toy import serving

pytestmark = pytest.mark.e2e

RULES = """
groups:
  - name: toy
    rules:
      - alert: ToyTooLarge
        expr: toy_value > 5
        labels: {severity: page}
"""


def test_a_toy_target_is_scraped_and_its_alert_fires(prometheus_server: Prometheus, tmp_path: Path) -> None:
    """Prometheus reads the value of a toy exporter, and the rule over it fires."""
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES)

    with serving("# TYPE toy_value gauge\ntoy_value 7\n", "text/plain; version=0.0.4") as target:
        url = prometheus_server(target, [rules])
        scraped = eventually(lambda: value(url, "toy_value"))
        alerts = eventually(lambda: firing(url))

    assert scraped == 7.0
    assert ["ToyTooLarge"] == [alert["labels"]["alertname"] for alert in alerts]


def test_promtool_knows_a_wrong_rule(promtool: str, tmp_path: Path) -> None:
    """promtool refuses an expression that does not parse."""
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES.replace("> 5", "> > 5"))

    done = subprocess.run([promtool, "check", "rules", str(rules)], capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "parse error" in done.stdout + done.stderr
