"""A Prometheus server for one test: temporary configuration and storage, a free port, ended with the test."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.e2e.processes import StartError, end, free_port, spawn, wait_until


class Prometheus:
    """Starts servers on request and ends them all on `close`."""

    def __init__(self, binary: str, home: Path) -> None:
        self._binary = binary
        self._home = home
        self._running: list[subprocess.Popen[bytes]] = []

    def __call__(
        self,
        scrape_target: str,
        rules: Sequence[Path] = (),
        *,
        interval: str = "1s",
        path: str = "/metrics",
        jobs: Mapping[str, str] | None = None,
    ) -> str:
        """Scrapes `scrape_target` (host:port) and evaluates the rule files every `interval`; gives the base URL.

        One job `tocsin` at `path`; or `jobs`, name to path: {"tocsin": "/metrics", "tocsin-series": "/metrics/series"}.
        """
        home = self._home / f"prometheus-{len(self._running)}"
        home.mkdir(parents=True)
        port, log, config = free_port(), home / "prometheus.log", home / "prometheus.yml"
        config.write_text(json.dumps(_config(scrape_target, rules, interval, jobs or {"tocsin": path})))  # JSON is YAML
        process = spawn(
            [
                self._binary,
                f"--config.file={config}",
                f"--storage.tsdb.path={home / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=warn",
            ],
            log,
        )
        self._running.append(process)
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: _is_ready(url), process, log, seconds=60)
        return url

    def close(self) -> None:
        """Ends every server that was started."""
        for process in self._running:
            end(process)


def ask(url: str, path: str, **parameters: str) -> Any:
    """`data` of an answer of Prometheus' HTTP API, for example `ask(url, "query", query="up")["result"]`."""
    query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
    with urllib.request.urlopen(f"{url}/api/v1/{path}{query}", timeout=10) as answer:
        return json.load(answer)["data"]


def value(url: str, expression: str) -> float | None:
    """The value of an expression with one result, None while it has none."""
    found = ask(url, "query", query=expression)["result"]
    return float(found[0]["value"][1]) if found else None


def firing(url: str) -> list[dict[str, Any]]:
    """The alerts that fire there now."""
    return [alert for alert in ask(url, "alerts")["alerts"] if alert["state"] == "firing"]


def eventually(condition: Callable[[], Any], *, seconds: float = 30.0) -> Any:
    """What `condition` gives as soon as it is true, or what it gave last; for what another process does in its time."""
    deadline = time.monotonic() + seconds
    while True:
        told = condition()
        if told or time.monotonic() > deadline:
            return told
        time.sleep(0.2)


def check_config(promtool: str, file: Path) -> None:
    """Raises StartError with promtool's words when a configuration is wrong."""
    done = subprocess.run([promtool, "check", "config", str(file)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise StartError(done.stdout + done.stderr)


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _config(target: str, rules: Sequence[Path], interval: str, jobs: Mapping[str, str]) -> dict[str, Any]:
    return {
        "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
        "rule_files": [str(Path(rule).resolve()) for rule in rules],
        "scrape_configs": [
            {"job_name": job, "metrics_path": path, "static_configs": [{"targets": [target]}]}
            for job, path in jobs.items()
        ],
    }
