"""Models of `node`, `log` and `source`: who we are and where samples come from."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from tocsin.config.fields import AsTuple, Duration, Model, PositiveDuration, Texts, inside
from tocsin.config.node import describe
from tocsin.config.secret import Secret

DAY_MS = 86_400_000
TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+(%[A-Za-z0-9]+)?\]")


def split_server(text: str, default_port: int | None = None) -> tuple[str, int]:
    """(host, port) of `host:port`, `[::1]:9092` or, with a default, `host`; ValueError says what was expected."""
    if "://" in text:
        raise ValueError(f"expected host:port without a scheme, got {text!r}")
    host, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon and default_port is not None:
        host, port = text, str(default_port)
    if not HOST.fullmatch(host) or not re.fullmatch(r"[0-9]{1,5}", port):
        hint = " (an IPv6 address needs brackets: [::1]:9092)" if text.count(":") > 1 else ""
        raise ValueError(f"expected host:port, got {text!r}{hint}")
    if not 1 <= int(port) <= 65_535:
        raise ValueError(f"expected a port from 1 to 65535, got {port} in {text!r}")
    return host, int(port)


def _servers(value: object) -> tuple[str, ...]:
    """A list, or one text with commas; blanks and a last comma are forgiven."""
    given = value.split(",") if isinstance(value, str) else value
    if not isinstance(given, (list, tuple)) or not all(isinstance(item, str) for item in given):
        raise ValueError(f"expected a list of host:port, got {describe(value)}")
    pieces = [piece.strip() for item in given for piece in item.split(",")]
    servers = ["{}:{}".format(*split_server(piece, 9092)) for piece in pieces if piece]
    if not servers:
        raise ValueError("expected at least one host:port")
    return tuple(dict.fromkeys(servers))


def _topic(value: object) -> str:
    if not isinstance(value, str) or not TOPIC.fullmatch(value) or value in (".", ".."):
        raise ValueError(f"expected a topic name of letters, digits, '.', '_' and '-', got {describe(value)}")
    return value


Topic = Annotated[str, BeforeValidator(_topic), WithJsonSchema({"type": "string", "pattern": f"^{TOPIC.pattern}$"})]
Servers = Annotated[
    tuple[str, ...],
    BeforeValidator(_servers),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class NodeModel(Model):
    """This process: its name (default: the machine's) and the folder that only it writes."""

    id: str | None = Field(default=None, min_length=1, max_length=120)
    data_dir: str = Field(default="/var/lib/tocsin", min_length=1)


class LogModel(Model):
    """What is logged and how: one JSON object a line, or text for people."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"


class SecurityModel(Model):
    """How a Kafka client proves who it is; the same keys for the source and for the alarms topic."""

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "GSSAPI"] | None = None
    sasl_username: str | None = None
    sasl_password: Secret | None = None
    sasl_password_file: str | None = None
    ssl_cafile: str | None = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None
    ssl_password: Secret | None = None
    ssl_password_file: str | None = None
    ssl_check_hostname: bool = True
    client_options: dict[str, str | int | float | bool | None] = Field(default_factory=dict)

    @field_validator("client_options")
    @classmethod
    def _no_first_class_options(cls, options: dict[str, Any]) -> dict[str, Any]:
        taken = sorted({*cls.model_fields, "sasl_plain_username", "sasl_plain_password"} & set(options))
        if taken:
            raise ValueError(f"{', '.join(taken)}: set as a key of its own, not in client_options")
        return options

    @model_validator(mode="after")
    def _sasl_is_complete(self) -> SecurityModel:
        faults: list[tuple[tuple[str | int, ...], str]] = []
        if self.security_protocol.startswith("SASL"):
            if self.sasl_mechanism is None:
                faults.append((("security_protocol",), f"{self.security_protocol} needs sasl_mechanism"))
            elif self.sasl_mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
                if not self.sasl_username:
                    faults.append((("sasl_mechanism",), f"{self.sasl_mechanism} needs sasl_username"))
                if self.sasl_password is None and self.sasl_password_file is None:
                    faults.append((("sasl_mechanism",), f"{self.sasl_mechanism} needs sasl_password_file"))
        elif self.sasl_mechanism is not None:
            faults.append((("sasl_mechanism",), f"has no meaning with security_protocol {self.security_protocol}"))
        if self.ssl_keyfile is not None and self.ssl_certfile is None:
            faults.append((("ssl_keyfile",), "a key needs ssl_certfile too"))
        if faults:
            raise inside(*faults)
        return self


class KafkaSourceModel(SecurityModel):
    """Topics to read, and where to begin when there is no snapshot."""

    bootstrap_servers: Servers
    topics: Annotated[tuple[Topic, ...], AsTuple, Field(min_length=1)]
    group_id: str = Field(default="tocsin", min_length=1, max_length=249)
    start: Literal["history", "latest", "earliest"] = "history"
    rebuild_history: Duration = 14 * DAY_MS


class FileSourceModel(Model):
    """Files in event-time order; `auto` takes the format from the name (`.csv`, `.jsonl`, `.parquet`, with `.gz`)."""

    paths: Texts
    format: Literal["auto", "csv", "jsonl", "parquet"] = "auto"


class PrometheusSourceModel(Model):
    """History for `tocsin backfill` by `query_range`: one query per metric, each series of it one of ours.

    `labels` maps a dimension (or `device.family`, a parent that arrives) to the Prometheus label; default: its own
    name, with `_` for the dot. `stamp: end`: a value at t speaks of the step that ends at t, as `increase(x[1m])` does.
    """

    url: str = Field(min_length=1)
    queries: dict[str, Annotated[str, Field(min_length=1)]] = Field(min_length=1)
    labels: dict[str, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
    step: PositiveDuration | None = None  # default: the interval
    stamp: Literal["end", "start"] = "end"
    headers: dict[str, str] = Field(default_factory=dict)
    bearer_token: Secret | None = None
    bearer_token_file: str | None = None
    basic_auth_username: str | None = None
    basic_auth_password: Secret | None = None
    basic_auth_password_file: str | None = None
    ca_file: str | None = None
    timeout: PositiveDuration = 60_000

    @model_validator(mode="after")
    def _one_way_in(self) -> PrometheusSourceModel:
        if not re.match(r"https?://[^/]", self.url):
            raise inside((("url",), f"expected http://host:port or https://host, got {self.url!r}"))
        if self.basic_auth_username is not None and (self.bearer_token or self.bearer_token_file):
            raise inside((("bearer_token",), "excludes basic_auth_username"))
        if self.basic_auth_username is None and (self.basic_auth_password or self.basic_auth_password_file):
            raise inside((("basic_auth_password",), "needs basic_auth_username"))
        return self


class SimulatorSourceModel(Model):
    """The simulated world: the same seed gives the same samples."""

    seed: int = Field(default=7, ge=0, le=2**32 - 1)


class TimestampModel(Model):
    """Where the event time stands, and its unit; text without a zone is refused unless `assume_utc`."""

    path: str = Field(default="ts", min_length=1)
    unit: Literal["s", "ms", "us", "ns", "rfc3339"] = "ms"
    assume_utc: bool = False


class FormatModel(Model):
    """How a record is read."""

    codec: Literal["json"] = "json"
    layout: Literal["single", "batch", "columnar"] = "single"
    samples: str | None = Field(default=None, min_length=1)
    timestamp: TimestampModel = TimestampModel()

    @model_validator(mode="after")
    def _samples_fit_layout(self) -> FormatModel:
        if self.layout == "single" and self.samples is not None:
            raise inside((("samples",), "only the layouts batch and columnar have a list of samples"))
        return self


class SourceModel(Model):
    """Where samples come from; the section named like `kind` is used."""

    kind: Literal["kafka", "file", "simulator", "memory"] = "kafka"
    kafka: KafkaSourceModel | None = None
    file: FileSourceModel | None = None
    prometheus: PrometheusSourceModel | None = None  # history for a backfill; `run` reads what `kind` names
    simulator: SimulatorSourceModel = SimulatorSourceModel()
    format: FormatModel = FormatModel()
    dead_letter_topic: Topic | None = None

    @model_validator(mode="after")
    def _section_is_there(self) -> SourceModel:
        if self.kind == "kafka" and self.kafka is None:
            raise inside((("kafka",), "is required: bootstrap_servers and topics"))
        if self.kind == "file" and self.file is None:
            raise inside((("file",), "is required: paths"))
        if self.kafka is not None and self.dead_letter_topic in self.kafka.topics:
            raise inside((("dead_letter_topic",), "must not be one of the topics that are read"))
        return self
