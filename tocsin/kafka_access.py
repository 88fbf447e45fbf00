"""From the configuration's Kafka sections to the connection that source, sink and feed share."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.kafka_client import KafkaConnection
from tocsin.config.source_models import SecurityModel


def kafka_connection(servers: Sequence[str], security: SecurityModel) -> KafkaConnection:
    """The connection; secrets are revealed only into it, and it does not show them."""
    return KafkaConnection(
        bootstrap_servers=tuple(servers),
        security_protocol=security.security_protocol,
        sasl_mechanism=security.sasl_mechanism,
        sasl_username=security.sasl_username,
        sasl_password=security.sasl_password.reveal() if security.sasl_password else None,
        ssl_cafile=security.ssl_cafile,
        ssl_certfile=security.ssl_certfile,
        ssl_keyfile=security.ssl_keyfile,
        ssl_password=security.ssl_password.reveal() if security.ssl_password else None,
        ssl_check_hostname=security.ssl_check_hostname,
        client_options=tuple(sorted(security.client_options.items())),
    )
