"""Models of `suppression`, `outputs`, `web` and `reload`: what is held, who is told, what is shown."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from tocsin.config.fields import AsTuple, Duration, Model, PositiveDuration
from tocsin.config.node import describe
from tocsin.config.secret import Secret
from tocsin.config.source_models import SecurityModel, Servers, Topic, split_server

MINUTE_MS = 60_000


def check_url(value: object, schemes: tuple[str, ...] = ("http", "https")) -> str:
    """An absolute URL of one of `schemes`; the message never shows what stands before an @."""
    if not isinstance(value, str):
        raise ValueError(f"expected a URL, got {describe(value)}")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"expected a URL: {error}") from None
    if parts.scheme not in schemes or not parts.hostname or port == 0 or re.search(r"[\s\x00-\x1f]", value):
        shown = describe(value) if "@" not in value else "a URL with a user name"
        raise ValueError(f"expected a URL that starts with {' or '.join(f'{s}://' for s in schemes)}, got {shown}")
    return value


def _listen(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected host:port, got {describe(value)}")
    host, port = split_server(value)
    return f"{host}:{port}"


def _database(value: object) -> str:
    if not isinstance(value, str) or not re.match(r"(sqlite|postgresql)(\+[a-z0-9]+)?:///?", value):
        raise ValueError("expected a URL such as sqlite:////var/lib/tocsin/tocsin.db or postgresql://host/name")
    return value


_URL = WithJsonSchema({"type": "string", "format": "uri"})
Url = Annotated[str, BeforeValidator(check_url), _URL]
Listen = Annotated[str, BeforeValidator(_listen), WithJsonSchema({"type": "string"})]
DatabaseUrl = Annotated[str, BeforeValidator(_database), _URL]


class CalendarModel(Model):
    """Calendar files or patterns of them, relative to this file; none by default."""

    files: Annotated[tuple[str, ...], AsTuple] = ()


class SilencesModel(Model):
    """The file that people and `tocsin silence` write; by default there is none."""

    file: str | None = Field(default=None, min_length=1)


class AuditModel(Model):
    """Injection of faults into a shadow copy; accepted only when off, until this version can do it."""

    inject_faults: bool = False
    every: PositiveDuration = 360 * MINUTE_MS


class SuppressionModel(Model):
    """What may hold an alarm back, besides the rules that are always on."""

    calendar: CalendarModel = CalendarModel()
    silences: SilencesModel = SilencesModel()
    audit: AuditModel = AuditModel()


class DatabaseModel(Model):
    """The history for people; default: `tocsin.db` in `node.data_dir`."""

    url: DatabaseUrl | None = None


class KafkaSinkModel(SecurityModel):
    """Alarms as CloudEvents, keyed by alarm id. Servers and security default to the source's."""

    alarms_topic: Topic | None = None
    scores_topic: Topic | None = None
    envelope: Literal["cloudevents"] = "cloudevents"
    bootstrap_servers: Servers | None = None


class AlertmanagerModel(Model):
    """The push sink for Alertmanager; accepted only when off, until this version can do it."""

    enabled: bool = False
    urls: Annotated[tuple[Url, ...], AsTuple] = ()
    resend_every: PositiveDuration = MINUTE_MS
    send_held: bool = False


class WebhookModel(Model):
    """One receiver of signed POSTs."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    url: Url
    secret: Secret | None = None
    secret_file: str | None = None
    timeout: PositiveDuration = 5_000


class StdoutModel(Model):
    """Alarms as one JSON object a line on standard output."""

    enabled: bool = False


class PrometheusModel(Model):
    """What `/metrics/series` shows, and at most how many series."""

    expose: Literal["active", "places", "all"] = "active"
    max_series: int = Field(default=5_000, ge=1, le=10_000_000)
    values: bool = False


class OutputsModel(Model):
    """Who is told."""

    database: DatabaseModel = DatabaseModel()
    kafka: KafkaSinkModel = KafkaSinkModel()
    alertmanager: AlertmanagerModel = AlertmanagerModel()
    webhooks: Annotated[tuple[WebhookModel, ...], AsTuple] = ()
    stdout: StdoutModel = StdoutModel()
    prometheus: PrometheusModel = PrometheusModel()


class AuthModel(Model):
    """Who may write over HTTP; `none`: reading for all who reach the port, writing for nobody."""

    mode: Literal["none"] = "none"


class WebModel(Model):
    """The port of pages, API and metrics; `external_url` is what links in alarms start with."""

    listen: Listen = "127.0.0.1:9464"
    external_url: Url | None = None
    auth: AuthModel = AuthModel()

    @field_validator("external_url")
    @classmethod
    def _no_slash(cls, url: str | None) -> str | None:
        return url.rstrip("/") if url else url


class ReloadModel(Model):
    """When files are read again: by content every so often (0s: never), on SIGHUP, on POST /-/reload."""

    check_every: Duration = 30_000
    on_sighup: bool = True
    http: bool = True
