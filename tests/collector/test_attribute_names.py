"""Which names of attributes a decoder hands over with its rows."""

from __future__ import annotations

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from collector import known_attributes
from collector.framing import protobuf_groups
from collector.items import Refusals
from collector.rows import Decoded, Decoder
from store.api import Batch
from tests.collector import build


def _names(batch: Batch) -> set[str]:
    assert batch.names is not None
    return set(batch.names.names)


def _spans(decoder: Decoder, *attributes: str) -> Decoded:
    span = build.span(1, attributes=dict.fromkeys(attributes, "x"))
    event = span.events.add(name="e")
    event.attributes.add(key="of an event").value.string_value = "x"
    link = span.links.add(trace_id=bytes(15) + b"1", span_id=bytes(7) + b"1")
    link.attributes.add(key="of a link").value.int_value = 1
    body = build.traces([span]).SerializeToString()
    return decoder.traces(protobuf_groups(body), Refusals())


def test_the_names_of_spans_events_and_links_come_with_the_rows() -> None:
    """Also where the attribute was decoded before, and comes from memory."""
    decoder = Decoder()
    for _ in range(2):
        batch = _spans(decoder, "colour", "size").batch
        assert len(batch.spans) == 1
        assert {"colour", "size", "of an event", "of a link"} <= _names(batch)


def test_the_names_of_logs_come_with_the_rows() -> None:
    decoder = Decoder()
    record = LogRecord(
        time_unix_nano=build.span(1).start_time_unix_nano, attributes=[build.pair("of a log", 1)]
    )
    body = build.logs([record]).SerializeToString()
    assert "of a log" in _names(decoder.logs(protobuf_groups(body), Refusals()).batch)


def test_names_that_nobody_sends_any_more_are_forgotten_together_with_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What comes again is decoded again, so that its name is there; what is under way keeps its own names."""
    decoder = Decoder()
    first = _spans(decoder, "former", "constant").batch
    monkeypatch.setattr(known_attributes, "_LIFE_S", -1.0)
    _spans(decoder, "constant")
    decoder._attributes._until_s = 0.0
    second = _spans(decoder, "constant").batch
    assert {"former", "constant"} <= _names(first)
    assert "constant" in _names(second)
    assert "former" not in _names(second)
