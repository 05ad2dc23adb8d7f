"""A trace as a file: every value and every library survives."""

from __future__ import annotations

import json
from dataclasses import replace

from observer.api.otlp_download import otlp_json
from signals.model import Attributes, SpanKind
from tests.store.build import span


def test_a_download_keeps_every_kind_of_value() -> None:
    values: Attributes = {"n": 1, "f": 0.5, "b": True, "x": b"\x00", "l": [1, "a"], "m": {"k": None}}
    one = span(1, kind=SpanKind.SERVER, attributes=values)
    text = otlp_json([one, replace(one, attributes={"bad": "\ud800", "nan": float("nan")})]).decode()
    for part in ('"intValue":"1"', '"doubleValue":0.5', '"bytesValue":"AA=="', '"NaN"'):
        assert part in text


def test_a_download_keeps_the_version_of_each_library() -> None:
    """Spans of two versions of one library were put under its bare name."""
    one = replace(span(1), scope="lib", scope_version="1.2")
    sent = json.loads(otlp_json([one, replace(one, scope_version="2.0")]))
    scopes = [each["scope"] for each in sent["resourceSpans"][0]["scopeSpans"]]
    assert scopes == [{"name": "lib", "version": "1.2"}, {"name": "lib", "version": "2.0"}]
