"""What every test shares: the header that says which real parts are here, and the fixtures that start them."""

from __future__ import annotations

from tests.e2e.fixtures import broker, kafka, promtool

__all__ = ["broker", "kafka", "promtool"]
