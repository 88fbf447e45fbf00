"""What every test shares: fixtures of the real parts, the header that says which are here, the list of what is not."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.e2e.broker import choice
from tests.e2e.fixtures import broker, browser, kafka, prometheus_server, promtool, ran
from tests.e2e.parts import ABSENT, in_ci, parts

__all__ = ["broker", "browser", "kafka", "prometheus_server", "promtool"]


def pytest_report_header() -> list[str]:
    """Says which broker will run and which real parts are present or absent."""
    present = [part.name for part in parts().values() if part.found]
    missing = [part.name for part in parts().values() if not part.found]
    verdict = "an absent part is a failure here (CI)" if in_ci() else "tests of an absent part are skipped"
    return [
        f"broker: {choice()[1]}",
        f"real parts: present: {', '.join(present) or 'none'}; absent: {', '.join(missing) or 'none'}; {verdict}",
    ]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says which broker ran, and lists what did not run for want of a real part, with the line that installs it."""
    if "broker" in ran:
        terminalreporter.write_line(f"broker that ran: {ran['broker']}")
    missing: Counter[str] = Counter()
    for outcome in ("skipped", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            found = re.search(rf"{ABSENT}: [^\n']*", str(report.longrepr))
            if found:
                missing[found.group(0)] += 1
    if missing:
        terminalreporter.section("did not run")
        for reason, tests in missing.most_common():
            terminalreporter.write_line(f"{tests} {'test' if tests == 1 else 'tests'}: {reason}")
