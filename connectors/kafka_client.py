"""What every Kafka client of ours shares: the way in, the settings that field use has taught, the parts it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from detector.errors import ConfigError, UnreachableError

PARTS = {  # module → what it is for; without crc32c checksums run in Python, 4 to 24 times slower
    "crc32c": "crc32c (checksums)",
    "snappy": "python-snappy (codec snappy)",
    "lz4.frame": "lz4 (codec lz4)",
    "zstandard": "zstandard (codec zstd)",
}
MIN_VERSION = (3, 0, 12)  # older ones stop reading partitions for ever after a rebalance
COMMON = {"reconnect_backoff_max_ms": 1000, "request_timeout_ms": 15_000, "metadata_max_age_ms": 60_000}
CONSUMER: Mapping[str, Any] = {
    **COMMON,
    "enable_auto_commit": False,
    "auto_offset_reset": "none",
    "isolation_level": "read_committed",
    "max_poll_records": 5000,
    "fetch_max_bytes": 16 * 1024 * 1024,
    "max_partition_fetch_bytes": 2 * 1024 * 1024,
    "session_timeout_ms": 45_000,
    "check_crcs": True,
    "allow_auto_create_topics": False,
}
PRODUCER: Mapping[str, Any] = {
    **COMMON,
    "acks": "all",
    "enable_idempotence": True,
    "delivery_timeout_ms": 30_000,
    "linger_ms": 5,
}


@dataclass(frozen=True, slots=True)
class KafkaConnection:
    """How a client reaches the brokers and proves who it is; `client_options` is spelled as kafka-python spells it."""

    bootstrap_servers: tuple[str, ...]
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)
    ssl_cafile: str | None = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None
    ssl_password: str | None = field(default=None, repr=False)
    ssl_check_hostname: bool = True
    client_options: tuple[tuple[str, Any], ...] = ()

    def options(self, defaults: Mapping[str, Any]) -> dict[str, Any]:
        """Keyword arguments of a client: `defaults`, then the connection, then `client_options`."""
        options: dict[str, Any] = {
            **defaults,
            "bootstrap_servers": list(self.bootstrap_servers),
            "security_protocol": self.security_protocol,
        }
        if self.security_protocol.startswith("SASL"):
            options["sasl_mechanism"] = self.sasl_mechanism
            if self.sasl_username is not None:
                options["sasl_plain_username"] = self.sasl_username
                options["sasl_plain_password"] = self.sasl_password or ""
        if self.security_protocol.endswith("SSL"):
            options["ssl_check_hostname"] = self.ssl_check_hostname
            for name in ("ssl_cafile", "ssl_certfile", "ssl_keyfile", "ssl_password"):
                if (value := getattr(self, name)) is not None:
                    options[name] = value
        return {**options, **dict(self.client_options)}


def check_parts() -> None:
    """Refuses to start without what a batch may need: a missing codec would make the client hang, not fail."""
    missing = [what for module, what in PARTS.items() if not _has(module)]
    if missing:
        raise ConfigError(f"source.kafka: expected these packages to be installed, found none of: {', '.join(missing)}")
    version = import_module("kafka").__version__
    numbers = tuple(int(part) for part in version.split(".")[:3] if part.isdigit())
    if numbers < MIN_VERSION:
        expected = ".".join(map(str, MIN_VERSION))
        raise ConfigError(f"source.kafka: expected kafka-python {expected} or newer, found {version}")


def make_client(kind: str, connection: KafkaConnection, defaults: Mapping[str, Any], **more: Any) -> Any:
    """A client of kafka-python (`KafkaConsumer`, `KafkaProducer` or `admin.KafkaAdminClient`).

    An option that it does not know is a `ConfigError`. Other failures come as `kafka.errors.KafkaError`.
    """
    from kafka.errors import KafkaConfigurationError

    module, _, name = f"kafka.{kind}".rpartition(".")
    options = {**connection.options(defaults), **more}
    try:
        return getattr(import_module(module), name)(**options)
    except (KafkaConfigurationError, FileNotFoundError, TypeError, ValueError) as error:
        raise ConfigError(f"kafka client options: {error}") from error
    except AssertionError as error:
        raise ConfigError(f"kafka client options: expected values that fit together, got {error}") from error


def unreachable(connection: KafkaConnection, error: BaseException) -> UnreachableError:
    """A sentence for people about brokers that do not answer."""
    where = ", ".join(connection.bootstrap_servers)
    return UnreachableError(f"cannot reach Kafka at {where}: {describe(error)}")


def describe(error: BaseException) -> str:
    """The name of an error and its first line."""
    first = (str(error).splitlines() or [""])[0][:200]
    name = type(error).__name__
    return first if name in first else f"{name}: {first}" if first else name


def _has(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
