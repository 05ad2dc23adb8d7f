"""What is said of events, traces and queries: pure functions, names without meaning."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from werkzeug.datastructures import MultiDict

from observer.api.otlp_download import otlp_json
from observer.lookup.session_events import apm_link_of, error_text, events_of
from observer.request.errors import Malformed
from observer.request.parameters import Query, read_attribute, spell_attribute
from observer.screens.apm.trace.trace_facts import TimeShare, failing_first, global_tags, status_code_of
from signals.model import Attributes, SpanKind
from signals.trace_analysis import analyse
from tests.browser.world import World, span as backend_span
from tests.observer.scene import observing
from tests.store.build import failing_checkout, span

NOW = 1_800_000_000 * 10**9


def _query(**args: str) -> Query:
    return Query(MultiDict(args), NOW)


def _words(name: str, attributes: Attributes) -> tuple[str, str, str]:
    event = events_of([span(1, name=name, browser=True, attributes=attributes)], {})[0]
    return event.kind, event.name, event.detail


@pytest.mark.parametrize(
    ("name", "attributes", "words"),
    [
        (
            "HTTP POST",
            {"component": "fetch", "http.method": "post", "http.url": "http://shop/pay?x=1"},
            ("fetch", "POST /pay", "http://shop/pay?x=1"),
        ),
        ("documentFetch", {"http.url": "http://shop"}, ("document_fetch", "GET /", "http://shop")),
        ("documentLoad", {"location.href": "http://shop/a"}, ("document", "/a", "http://shop/a")),
        ("webvitals", {"lcp": "812.4"}, ("vital", "LCP", "812 ms")),
        ("webvitals", {"cls": 0.0213}, ("vital", "CLS", "0.021")),
        (
            "routeChange",
            {"prev.href": "http://s/a", "location.href": "http://s/b"},
            ("route", "/b", "from /a"),
        ),
        (
            "onerror",
            {"component": "error", "error.object": "TypeError", "error.message": "x is undefined"},
            ("error", "onerror", "TypeError: x is undefined"),
        ),
        ("click", {"event_type": "click", "target_xpath": "//b"}, ("action", "click", "//b")),
        ("AddToCart", {"workflow.name": "AddToCart"}, ("custom", "AddToCart", "AddToCart")),
    ],
)
def test_events_have_names_one_would_call_them(
    name: str, attributes: Attributes, words: tuple[str, str, str]
) -> None:
    assert _words(name, attributes) == words


def test_an_error_says_its_type_once() -> None:
    assert error_text({"error.object": "String", "error.message": "boom"}) == "boom"
    assert error_text({"error.object": "TypeError", "error.message": "TypeError: boom"}) == "TypeError: boom"
    assert error_text({"error.type": "TypeError"}) == "TypeError"


@pytest.mark.parametrize(
    ("trace", "own", "linked"),
    [
        ("AB" * 16, "cd" * 8, "ab" * 16),
        ("ab" * 8, "cd" * 8, "0" * 16 + "ab" * 8),
        ("ab" * 16, "", None),
        ("", "cd" * 8, None),
        ("0" * 32, "cd" * 8, None),
        ("zz" * 16, "cd" * 8, None),
        ("ab" * 9, "cd" * 8, None),
    ],
)
def test_a_link_is_what_the_agent_read_or_nothing(trace: str, own: str, linked: str | None) -> None:
    link = apm_link_of({"link.traceId": trace, "link.spanId": own})
    assert (link.trace_id if link else None) == linked


def test_a_form_post_takes_its_label_from_the_backend(tmp_path: Path) -> None:
    """The agent always says GET of a document; the linked entry knows better."""
    world = World(time.time_ns())
    at = world.now_unix_nano - 10 * 10**9
    trace, own = "f0" * 16, "f1" * 8
    load = world.browser("form-session", 1, "documentLoad", at, _ms=300, component="document-load")
    world.browser(
        "form-session",
        1,
        "documentFetch",
        at,
        _id="f2" * 8,
        _trace=load["traceId"],
        _parent=load["id"],
        component="document-load",
        **{
            "http.url": "http://other.example/basket/pay",
            "http.method": "GET",
            "http.status_code": 500,
            "link.traceId": trace,
            "link.spanId": own,
        },
    )
    entry = {"http.request.method": "POST", "http.route": "/basket/pay"}
    world.backend("till", [backend_span(trace, own, "", "POST /basket/pay", 2, at, 80, **entry)])
    with observing(world, tmp_path) as client:
        events = client.get("/api/v1/rum/sessions/form-session").get_json()["events"]
        found = client.get(f"/api/v1/apm/traces/{trace}").get_json()
    fetch = next(event for event in events if event["operation"] == "documentFetch")
    assert fetch["name"] == "POST /basket/pay"
    assert fetch["error"] is True
    assert found["browser"] == {"session_id": "form-session", "span_id": "f2" * 8}


def test_global_tags_are_those_that_travelled() -> None:
    spans = [
        replace(one, attributes={**one.attributes, "seat": "anna", "http.route": "/x", "own": one.span_id})
        for one in failing_checkout()
    ]
    tags = dict(global_tags(analyse(spans)))
    assert tags["seat"] == "anna"
    assert tags["Request type"] == "user"
    assert tags["Workflow"] == "frontend:/x"
    assert not {"http.route", "own"} & set(tags)
    synthetic = [replace(one, attributes={"user_agent.synthetic.type": "test"}) for one in spans]
    assert dict(global_tags(analyse(synthetic)))["Request type"] == "synthetic (test)"
    assert global_tags(analyse([])) == ()


def test_failing_services_come_first() -> None:
    services = failing_first(analyse(failing_checkout()).services)
    assert [each.error.value for each in services] == ["origin", "origin", "received"]


def test_nothing_and_almost_nothing_are_told_apart() -> None:
    assert TimeShare("Database", "database", 0.0, 0).words == "0.0 %"
    assert TimeShare("Database", "database", 0.0, 86_400).words == "< 0.1 %"
    assert TimeShare("External", "external", 66.6, 1).words == "66.6 %"


def test_the_code_of_a_span_is_what_its_protocol_says() -> None:
    assert status_code_of(span(1, attributes={"grpc.status_code": "401"})) == "401"
    assert status_code_of(span(1, attributes={"rpc.grpc.status_code": 0})) == ""
    assert status_code_of(span(1, attributes={"http.response.status_code": 500})) == "500"


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


@pytest.mark.parametrize(
    ("args", "bounds"),
    [
        ({"since": "90s"}, (NOW - 90 * 10**9, NOW)),
        ({"since": "1w"}, (NOW - 604_800 * 10**9, NOW)),
        ({"from": "100", "to": "200"}, (100, 200)),
        ({"from": "2027-01-15T07:00:00Z"}, (NOW - 3600 * 10**9, NOW)),
        ({"from": "2027-01-15T08:00:00+01:00", "to": str(NOW)}, (NOW - 3600 * 10**9, NOW)),
        ({"to": "200"}, (0, 200)),
    ],
)
def test_windows_are_read_from_either_form(args: dict[str, str], bounds: tuple[int, int]) -> None:
    window = _query(**args).window()
    assert window is not None
    assert (window.from_unix_nano, window.to_unix_nano) == bounds


@pytest.mark.parametrize("text", ["", "0m", "15", "-5m", "1y", "999999999m", "m"])
def test_lengths_of_time_need_a_number_and_a_unit(text: str) -> None:
    if not text:
        assert _query(since=text).window() is None
        return
    with pytest.raises(Malformed, match="since"):
        _query(since=text).window()


@pytest.mark.parametrize("name", ["k:col", "100%", "%3A", "::", " a b ", " ", "é:=&#", "a%20b", "\t:x\n"])
@pytest.mark.parametrize("value", ["v", "", ":", "%3A", " x ", "http://x:1/?a=b&c"])
def test_every_attribute_can_be_spelt_and_read_back(name: str, value: str) -> None:
    """A name with a colon used to be cut at it, so that its links found nothing."""
    assert read_attribute(spell_attribute(name, value)) == (name, value)
    assert _query(attr=spell_attribute(name, value)).attributes() == {name: value}


def test_attributes_are_split_at_the_first_colon() -> None:
    assert _query(attr="url:http://x:1/").attributes() == {"url": "http://x:1/"}
    with pytest.raises(Malformed, match="attr"):
        _query(attr=":x").attributes()
