"""Jaeger's query API answers what its clients send: Grafana's data source, Jaeger's screens, scripts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from collector import jaeger
from collector.items import Refusals
from observer.api.jaeger_document import has_tags, trace_document
from observer.api.jaeger_parameters import go_duration_ns, padded_trace_id
from observer.request.errors import Malformed
from signals.model import Attribute, Event, Link, Span, SpanId, SpanKind, StatusCode, TraceId
from tests.fixtures.seed import CHARGE_SPAN, HOSTILE_TRACE, SEAT, TRACE
from tests.observer.class_screens import ClassScreens

_GRAFANA_SEARCH = (
    "/api/traces?service=paymentservice&operation=grpc.hipstershop.PaymentService%2FCharge"
    "&tags=%7B%22error%22%3A%22true%22%7D&minDuration=1us&maxDuration=1h&limit=20"
)
"""As Grafana's Jaeger data source sends it, without times."""


def _ask(client: FlaskClient, address: str, expect: int = 200) -> Any:
    answer = client.get(address)
    assert answer.status_code == expect, f"{address}: {answer.status_code} {answer.text[:300]}"
    assert answer.mimetype == "application/json"
    document = answer.get_json()
    assert sorted(document) == ["data", "errors", "limit", "offset", "total"]
    return document


def _ids(document: Any) -> Sequence[str]:
    return [trace["traceID"] for trace in document["data"]]


def _tags(tagged: Any) -> dict[str, Any]:
    return {tag["key"]: tag["value"] for tag in tagged["tags"]}


def _now_us(client: FlaskClient) -> int:
    now_ns: int = client.application.extensions["observer"].clock()
    return now_ns // 1_000


@pytest.mark.parametrize("prefix", ["", "/jaeger"])
def test_the_services_are_named_at_the_root_and_below_the_prefix(client: FlaskClient, prefix: str) -> None:
    """Grafana drops the path of its base address, other clients keep it."""
    document = _ask(client, f"{prefix}/api/services")
    assert {"frontend", "checkoutservice", "paymentservice"} <= set(document["data"])
    assert document["total"] == len(document["data"])
    assert document["errors"] is None


def test_grafana_finds_the_failing_charge(client: FlaskClient) -> None:
    """The search has no times: it is about the last two days."""
    document = _ask(client, _GRAFANA_SEARCH)
    assert TRACE in _ids(document)
    assert document["errors"] is None


def test_grafana_opens_a_trace_with_a_range_of_milliseconds(client: FlaskClient) -> None:
    """What the address says of time is ignored: a trace is found by its id."""
    document = _ask(client, f"/api/traces/{TRACE}?start=1000&end=2000")
    (trace,) = document["data"]
    charge = next(span for span in trace["spans"] if span["spanID"] == CHARGE_SPAN)
    assert (trace["traceID"], charge["traceID"]) == (TRACE, TRACE)
    assert trace["processes"][charge["processID"]]["serviceName"] == "paymentservice"
    tags = _tags(charge)
    assert tags["span.kind"] == "server"
    assert tags["error"] is True
    assert (tags["otel.status_code"], tags["otel.status_description"]) == ("ERROR", "Invalid request")
    assert isinstance(charge["startTime"], int)
    assert abs(charge["startTime"] - _now_us(client)) < 3_600 * 10**6
    (reference,) = charge["references"]
    assert (reference["refType"], reference["traceID"]) == ("CHILD_OF", TRACE)
    assert reference["spanID"] in {span["spanID"] for span in trace["spans"]}
    assert {"bool", "string"} <= {tag["type"] for span in trace["spans"] for tag in span["tags"]}


def test_spans_are_those_of_our_own_api(client: FlaskClient) -> None:
    """Both answers have the same spans, but for inferred ones and the browser's."""
    ours = client.get(f"/api/v1/apm/traces/{TRACE}").get_json()["spans"]
    (trace,) = _ask(client, f"/api/traces/{TRACE}")["data"]
    theirs = {(span["spanID"], span["operationName"], span["duration"]) for span in trace["spans"]}
    expected = {
        (span["span_id"], span["operation"], span["duration_ns"] // 1_000)
        for span in ours
        if not span["inferred"]
    }
    assert expected <= theirs


@pytest.mark.parametrize("address", [f"/api/traces/{'e' * 32}", "/jaeger/api/traces/e"])
def test_an_unknown_trace_is_not_found(client: FlaskClient, address: str) -> None:
    """Grafana reads the first trace of a 200 unchecked."""
    document = _ask(client, address, 404)
    assert document["data"] is None
    assert document["errors"][0]["code"] == 404
    assert document["errors"][0]["msg"].startswith("trace not found: ")


@pytest.mark.parametrize(
    ("address", "part"),
    [
        ("/api/traces", "parameter 'service' is required"),
        ("/api/operations", "parameter 'service' is required"),
        ("/api/traces?service=x&minDuration=soon", "a duration as Go writes it"),
        ("/api/traces?service=x&minDuration=2s&maxDuration=1s", "'maxDuration' should be greater"),
        ("/api/traces?service=x&start=yesterday", "a whole number since 1970"),
        ("/api/traces?service=x&start=2&end=1", "'start' is later than 'end'"),
        ("/api/traces?service=x&limit=0", "from 1 to 1,500"),
        ("/api/traces?service=x&tags=%5B1%5D", "malformed 'tags' parameter"),
        ("/api/traces?service=x&tags=%7B", "malformed 'tags' parameter"),
        ("/api/traces?service=x&tag=nocolon", "a name, a colon and a value"),
        ("/api/traces?traceID=nothex", "1 to 32 hexadecimal digits"),
        ("/api/traces/nothex", "1 to 32 hexadecimal digits"),
        ("/api/dependencies?endTs=-1", "a whole number since 1970"),
    ],
)
def test_what_cannot_be_read_is_refused_in_the_form_of_jaeger(
    client: FlaskClient, address: str, part: str
) -> None:
    """Jaeger's screens show `errors[].msg` of every answer from 400 on."""
    document = _ask(client, address, 400)
    assert document["data"] is None
    assert document["errors"][0]["code"] == 400
    assert part in document["errors"][0]["msg"]


def test_no_address_below_the_prefix_answers_a_page(client: FlaskClient) -> None:
    """A program that asks for what is not there gets JSON, and our own API its own form."""
    assert _ask(client, "/jaeger/api/nothing", 404)["errors"][0]["code"] == 404
    assert client.get("/api/nothing").get_json()["error"]["code"] == "unknown"


def test_the_screens_of_jaeger_find_traces(client: FlaskClient) -> None:
    """They send both ends in microseconds, the lookback and empty fields beside them."""
    end = _now_us(client)
    address = (
        f"/api/traces?end={end}&limit=20&lookback=1h&maxDuration&minDuration&service=frontend"
        f"&start={end - 3_600 * 10**6}&tags={quote(json.dumps({'enduser.id': SEAT}))}"
    )
    found = _ids(_ask(client, address))
    assert TRACE in found
    assert found == _ids(_ask(client, address.replace("tags=", "unknown=1&tags=")))
    earlier = f"/api/traces?service=frontend&start=1000&end={end - 86_400 * 10**6}"
    assert _ids(_ask(client, earlier)) == []


def test_a_condition_is_one_span_s(client: FlaskClient) -> None:
    """A trace whose service, error and duration belong to different spans is not found."""
    (trace,) = _ask(client, f"/api/traces/{TRACE}")["data"]
    charge = next(span for span in trace["spans"] if span["spanID"] == CHARGE_SPAN)
    longer = max(span["duration"] for span in trace["spans"])
    assert longer > charge["duration"]
    base = "/api/traces?service=paymentservice&limit=200"
    assert TRACE in _ids(_ask(client, f"{base}&maxDuration={charge['duration'] + 1}us"))
    assert TRACE not in _ids(_ask(client, f"{base}&minDuration={longer}us"))
    assert TRACE in _ids(_ask(client, f"{base}&tag=span.kind:server&tag=error:true"))
    assert TRACE not in _ids(_ask(client, f"{base}&tag=span.kind:consumer&tag=error:true"))
    assert TRACE not in _ids(_ask(client, f"{base}&operation=GET+%2F"))


def test_the_limit_is_held_and_the_newest_come_first(client: FlaskClient) -> None:
    """Five of many are the five newest."""
    many = _ask(client, "/api/traces?service=frontend&limit=50")
    few = _ask(client, "/api/traces?service=frontend&limit=5")
    assert len(_ids(few)) == few["total"] == 5
    assert _ids(few) == _ids(many)[:5]


def test_a_search_that_is_cut_says_so(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found stays, beside a note."""
    monkeypatch.setattr("observer.api.jaeger_search.MOST_SPANS", 10)
    document = _ask(client, "/api/traces?service=frontend&limit=100")
    assert 1 <= document["total"] < 10
    assert sum(len(trace["spans"]) for trace in document["data"]) <= 10
    assert [error["code"] for error in document["errors"]] == [206]
    by_id = _ask(client, f"/api/traces?traceID={TRACE}&traceID={HOSTILE_TRACE}")
    assert [error["code"] for error in by_id["errors"]] == [206]


def test_an_entry_and_an_inner_operation_are_found(client: FlaskClient) -> None:
    """Whatever begins requests of the service, and calls that it makes."""
    for each in _ask(client, "/api/operations?service=checkoutservice")["data"]:
        found = _ask(client, f"/api/traces?service=checkoutservice&operation={quote(each['name'], safe='')}")
        assert found["data"], each


def test_an_answer_is_imported_as_it_was(client: FlaskClient) -> None:
    """What Jaeger's form holds of a trace comes back as the same spans, by `lab import`'s reader."""
    document = _ask(client, f"/api/traces/{TRACE}?raw=true")
    refused = Refusals()
    groups = jaeger.groups(document["data"], refused)
    assert refused.count == 0
    items = [SpanMessage.FromString(item) for group in groups for item in group.items]
    spans = {
        span.span_id: span for span in client.application.extensions["observer"].reader.spans_of_trace(TRACE)
    }
    assert {item.span_id.hex() for item in items} == set(spans)
    for item in items:
        span = spans[SpanId(item.span_id.hex())]
        assert (item.name, item.parent_span_id.hex()) == (span.name, span.parent_span_id or "")
        assert (item.kind, item.status.code) == (span.kind, max(span.status, 2 if span.error else 0))
        names = {pair.key for pair in item.attributes} - {"error"}
        assert names == set(span.attributes) - {"error"}


def test_traces_are_read_by_their_ids(client: FlaskClient) -> None:
    """Those that are here are answered, and each of the others is an error with its id."""
    document = _ask(client, f"/api/traces?traceID={TRACE}&traceID=abc&traceID={TRACE.upper()}")
    assert _ids(document) == [TRACE]
    assert [(error["code"], error["traceID"]) for error in document["errors"]] == [(404, "abc".zfill(32))]


def test_the_operations_of_a_service_are_those_of_its_spans(client: FlaskClient) -> None:
    """Both addresses name the calls that it makes too; the newer one with their kinds."""
    names = _ask(client, "/api/services/checkoutservice/operations")["data"]
    found = _ask(client, "/api/operations?service=checkoutservice")["data"]
    assert sorted({each["name"] for each in found}) == names
    servers = _ask(client, "/api/operations?service=checkoutservice&spanKind=server")["data"]
    assert servers
    assert {each["spanKind"] for each in servers} == {"server"}
    assert len(servers) < len(found)


@pytest.mark.parametrize("service", ["a/b", "/leading", "nobody", "<script>", "ü?&#"])
def test_any_name_of_a_service_is_answered(client: FlaskClient, service: str) -> None:
    """Jaeger's screens percent-encode the name; a service that is unknown has no operations."""
    assert _ask(client, f"/api/services/{quote(service, safe='')}/operations")["data"] == []


def test_dependencies_are_the_calls_of_the_map(client: FlaskClient) -> None:
    """Times are milliseconds."""
    end = _now_us(client) // 1_000
    found = _ask(client, f"/api/dependencies?endTs={end}&lookback=604800000")["data"]
    calls = {(each["parent"], each["child"]): each["callCount"] for each in found}
    assert calls["checkoutservice", "paymentservice"] > 0
    assert found == _ask(client, "/api/dependencies")["data"]
    assert _ask(client, "/api/dependencies?endTs=5000&lookback=1000")["data"] == []


def test_hostile_telemetry_is_answered_as_data(client: FlaskClient) -> None:
    """Whatever a sender writes is text in JSON."""
    (trace,) = _ask(client, f"/api/traces/{HOSTILE_TRACE}")["data"]
    assert trace["spans"]
    answer = client.get(f"/api/traces/{HOSTILE_TRACE}")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def _made(**fields: Any) -> Span:
    given: dict[str, Any] = {
        "trace_id": TraceId("1" * 32),
        "span_id": SpanId("2" * 16),
        "parent_span_id": None,
        "service": "a",
        "name": "work",
        "kind": SpanKind.UNSPECIFIED,
        "start_unix_nano": 1_700_000_000_123_456_789,
        "duration_ns": 1_999,
        "status": StatusCode.UNSET,
        "status_message": "",
        "error": False,
        "peer": "",
        "peer_is_database": False,
        "session_id": None,
        "browser": False,
        "attributes": {},
        "resource": {},
        "scope": "",
    }
    return Span(**given | fields)


def test_every_type_of_an_attribute_has_jaeger_s() -> None:
    """What JSON cannot hold exactly is text, and bytes are base64."""
    attributes: dict[str, Attribute] = {
        "text": "a",
        "flag": False,
        "count": 7,
        "large": 2**60,
        "share": 0.5,
        "nan": float("nan"),
        "bytes": b"\x00\xff",
        "list": ["a", 1],
        "nothing": None,
    }
    document = trace_document(TraceId("1" * 32), [_made(attributes=attributes)])
    tags = document["spans"][0]["tags"]
    assert {tag["key"]: (tag["type"], tag["value"]) for tag in tags} == {
        "text": ("string", "a"),
        "flag": ("bool", False),
        "count": ("int64", 7),
        "large": ("int64", str(2**60)),
        "share": ("float64", 0.5),
        "nan": ("float64", "NaN"),
        "bytes": ("binary", "AP8="),
        "list": ("string", '["a",1]'),
        "nothing": ("string", ""),
    }


def test_events_links_and_processes_have_jaeger_s_form() -> None:
    """Times are whole microseconds; spans of one resource share a process."""
    event = Event("exception", 1_700_000_000_123_999_999, {"exception.type": "Boom"})
    link = Link(TraceId("3" * 32), SpanId("4" * 16), {})
    resource = {"service.name": "a", "host.name": "h"}
    first = _made(events=(event,), links=(link,), resource=resource)
    second = _made(span_id=SpanId("5" * 16), parent_span_id=first.span_id, resource=resource)
    other = _made(span_id=SpanId("6" * 16), service="b")
    document = trace_document(first.trace_id, [first, second, other])
    spans = document["spans"]
    assert [span["processID"] for span in spans] == ["p1", "p1", "p2"]
    assert document["processes"]["p1"] == {
        "serviceName": "a",
        "tags": [{"key": "host.name", "type": "string", "value": "h"}],
    }
    assert (spans[0]["startTime"], spans[0]["duration"]) == (1_700_000_000_123_456, 1)
    assert spans[0]["references"] == [
        {"refType": "FOLLOWS_FROM", "traceID": "3" * 32, "spanID": "4" * 16},
    ]
    (log,) = spans[0]["logs"]
    assert log["timestamp"] == 1_700_000_000_123_999
    assert [(each["key"], each["value"]) for each in log["fields"]] == [
        ("event", "exception"),
        ("exception.type", "Boom"),
    ]
    assert has_tags(first, {"exception.type": "Boom", "host.name": "h"})
    assert not has_tags(first, {"exception.type": "Boom", "host.name": "other"})


def test_a_moved_time_is_said_and_raw_is_as_it_was_sent() -> None:
    """`raw=true` asks for what the senders claim."""
    moved = _made(clock_shift_ns=-3_600 * 10**9, parent_span_id=SpanId("9" * 16))
    whole = trace_document(moved.trace_id, [moved])
    raw = trace_document(moved.trace_id, [moved], raw=True)
    assert any("clock" in note for note in whole["warnings"])
    assert any("clock" in note for note in whole["spans"][0]["warnings"])
    assert raw["warnings"] is None
    assert raw["spans"][0]["warnings"] is None
    assert raw["spans"][0]["startTime"] - whole["spans"][0]["startTime"] == 3_600 * 10**6


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("1.5ms", 1_500_000),
        ("1h30m", 5_400 * 10**9),
        ("100us", 100_000),
        ("100µs", 100_000),
        (".5s", 500_000_000),
        ("0", 0),
        ("", None),
    ],
)
def test_durations_are_read_as_go_writes_them(text: str, nanos: int | None) -> None:
    """Several units follow each other; fractions are allowed."""
    assert go_duration_ns({"minDuration": text}, "minDuration") == nanos


@pytest.mark.parametrize("text", ["1", "ms", "1 ms", "-1s", "1e3s", "1x", "9" * 15 + "h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """A number without a unit is none, as in Go."""
    with pytest.raises(Malformed):
        go_duration_ns({"minDuration": text}, "minDuration")


def test_leading_zeros_of_an_id_may_be_missing() -> None:
    """Jaeger once wrote ids without them; ids of 64 bits are the last half."""
    assert padded_trace_id("1F") == "1f".zfill(32)
    assert padded_trace_id("00000000000000ab") == "ab".zfill(32)


def test_a_freed_seat_still_reads_the_api(in_class: ClassScreens) -> None:
    """Class mode has the same rules for it as for our own API: whoever is in its network may read."""
    visitor = in_class.visitor("anna")
    in_class.store.free("anna")
    assert visitor.get("/apm/traces").status_code == 403
    for path in ("/api/v1/apm/services", "/api/services", "/jaeger/api/services"):
        assert visitor.get(path).status_code == 200, path
