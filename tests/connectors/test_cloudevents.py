"""The envelope is a CloudEvent, as the public library reads it."""

from __future__ import annotations

import json

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from connectors.cloudevents import Envelope, encode, wrap
from tests.connectors.alarm_events import alarm_event

EVENT = alarm_event(3)


@pytest.mark.parametrize("envelope", [Envelope(), Envelope("tocsin-0", "https://tocsin.example.org/")])
def test_the_public_library_reads_what_we_write(envelope: Envelope) -> None:
    """Every attribute passes its validation, and the data come back whole."""
    read = JSONFormat().read(CloudEvent, encode(EVENT, envelope))

    data = {name: value for name, value in (read.get_data() or {}).items() if name != "links"}  # type: ignore[union-attr]
    assert (EVENT.id, "1.0", EVENT.data) == (read.get_id(), read.get_specversion(), data)
    assert "requests|ios|eu-west|login" == read.get_subject()


def test_the_attributes_are_as_documented() -> None:
    """Identity, order and time come from the transition, never from a clock."""
    found = wrap(EVENT, Envelope("tocsin-0", "https://tocsin.example.org"))

    expected = {
        "specversion": "1.0",
        "datacontenttype": "application/json",
        "id": f"{EVENT.alarm_id}/3",
        "source": "https://tocsin.example.org/nodes/tocsin-0",
        "type": "org.tocsin.alarm.updated.v1",
        "subject": "requests|ios|eu-west|login",
        "time": "2026-11-20T22:47:00Z",
        "dataschema": "https://tocsin.example.org/schemas/alarm/v1.json",
        "partitionkey": EVENT.alarm_id,
        "sequence": "3",
    }
    assert expected == {name: value for name, value in found.items() if name != "data"}


def test_the_alarms_page_is_one_link_away() -> None:
    """With an address the message leads to the picture; without one it claims no link."""
    found = wrap(EVENT, Envelope("n1", "https://tocsin.example.org/"))

    assert {"self": f"https://tocsin.example.org/alarms/{EVENT.alarm_id}"} == found["data"]["links"]
    assert "links" not in wrap(EVENT, Envelope("n1"))["data"]


def test_without_an_address_the_source_is_relative_and_no_schema_is_claimed() -> None:
    """A link that leads nowhere is worse than none."""
    found = wrap(EVENT, Envelope("n1"))

    assert "/nodes/n1" == found["source"]
    assert "dataschema" not in found


def test_equal_events_give_equal_bytes() -> None:
    """A second delivery is the same message."""
    assert encode(alarm_event(3), Envelope()) == encode(EVENT, Envelope())
    assert EVENT.data == json.loads(encode(EVENT, Envelope()))["data"]
