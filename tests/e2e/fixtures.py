"""The pytest fixtures of the real parts; tests/conftest.py offers them to every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e import broker as brokers
from tests.e2e import browser as browsers
from tests.e2e.broker import Broker
from tests.e2e.parts import absent, require
from tests.e2e.prometheus import Prometheus

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

ran: dict[str, str] = {}  # what was really started, for the terminal summary


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A running Kafka broker with its verbs (create_topic, new_topic, produce, read_all)."""
    try:
        context = brokers.running(tmp_path_factory.mktemp("broker"))
        handle = context.__enter__()
    except brokers.BrokerAbsentError as error:
        absent("Kafka broker", brokers.INSTALL, str(error))
        return
    ran["broker"] = handle.kind
    try:
        yield handle
    finally:
        context.__exit__(None, None, None)


@pytest.fixture(scope="session")
def kafka(broker: Broker) -> str:
    """Bootstrap address of the running broker, host:port."""
    return broker.bootstrap


@pytest.fixture(scope="session")
def promtool() -> str:
    """Path of promtool."""
    return require("promtool")


@pytest.fixture
def prometheus_server(tmp_path: Path) -> Iterator[Prometheus]:
    """`prometheus_server("host:port", [rule files])` starts a server that scrapes it, and gives the base URL."""
    servers = Prometheus(require("prometheus"), tmp_path)
    ran["prometheus"] = "Prometheus"
    try:
        yield servers
    finally:
        servers.close()


@pytest.fixture(scope="module")  # not longer: while Playwright runs, asyncio.run() is refused in this thread
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """Chromium by Playwright; `browser.new_page()` opens a tab, which the test closes."""
    chromium = require("chromium")
    with browsers.running(chromium, tmp_path_factory.mktemp("chromium")) as context:
        ran["chromium"] = "Chromium"
        yield context
