"""The shipped rules pass promtool, and fire in a real Prometheus that scrapes what we serve."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from detector.schema import Dimension, Parent, Schema
from tests.e2e.prometheus import Prometheus, eventually, firing, value
from tests.tocsin.fake_view import NOW, fake_view
from tocsin.api.app import create_app
from tocsin.api.server import serve_in_thread
from tocsin.rules import rules_text

pytestmark = pytest.mark.e2e
FOLDER = Path(__file__).parents[2] / "deploy/prometheus"


def run(promtool: str, *arguments: str, folder: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    return subprocess.run([promtool, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "rules", "--lint=all", "--lint-fatal", "tocsin.rules.yml"),
        ("check", "config", "--lint=all", "prometheus.yml"),
        ("test", "rules", "tocsin.rules.test.yml"),
    ],
    ids=("check rules", "check config", "test rules"),
)
def test_promtool_accepts_what_is_shipped(promtool: str, arguments: tuple[str, ...]) -> None:
    """Rules, scrape example and the rules' own unit tests pass without a warning."""
    result = run(promtool, *arguments)

    assert 0 == result.returncode, result.stdout + result.stderr


def test_promtool_accepts_rules_for_odd_dimensions(promtool: str, tmp_path: Path) -> None:
    """Parents, dotted names and no dimensions at all give valid rules."""
    for number, schema in enumerate(
        (
            Schema(dimensions=(), place=None),
            Schema(dimensions=(Dimension("till.kind", (Parent("chain"),)), Dimension("shop"))),
        )
    ):
        (tmp_path / f"{number}.yml").write_text(rules_text(schema))

        result = run(promtool, "check", "rules", "--lint=all", "--lint-fatal", f"{number}.yml", folder=tmp_path)

        assert 0 == result.returncode, result.stdout + result.stderr


def test_promtool_finds_no_fault_in_what_is_exported(promtool: str) -> None:
    """Names, types and help texts are as Prometheus' own linter wants them."""
    view = fake_view(expose="all")
    for text in (view.metrics_text()[0], view.series.render()):
        result = subprocess.run(
            [promtool, "check", "metrics"], input=text, capture_output=True, check=False, timeout=60
        )

        assert (0, b"") == (result.returncode, result.stdout + result.stderr)


def test_the_shipped_alert_fires_in_a_real_prometheus(prometheus_server: Prometheus) -> None:
    """Scraped by the shipped jobs, an alarm in force becomes the alert TocsinAnomaly with its labels."""
    handle = serve_in_thread(create_app(fake_view(), now_ms=lambda: NOW), "127.0.0.1", 0)
    try:
        rules = [FOLDER / "tocsin.rules.yml"]
        target = f"127.0.0.1:{handle.port}"
        series = prometheus_server(target, rules, path="/metrics/series")
        own = prometheus_server(target, rules)

        alerts = eventually(lambda: [a for a in firing(series) if a["labels"]["alertname"] == "TocsinAnomaly"])
        found = eventually(lambda: value(own, 'tocsin_alarms_fired_total{severity="critical"}'))
    finally:
        handle.stop()

    assert {("*", "*", "search"), ("ios", "eu-west", "login")} == {
        tuple(alert["labels"][name] for name in ("device", "region", "activity")) for alert in alerts
    }
    assert 1 == found


def test_the_scrape_example_reads_both_paths() -> None:
    """Alarms are on the second path; a configuration that forgets it would never alert."""
    jobs = YAML(typ="safe").load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]

    paths = {job["job_name"]: job.get("metrics_path", "/metrics") for job in jobs}

    assert {"tocsin": "/metrics", "tocsin-series": "/metrics/series"} == paths
