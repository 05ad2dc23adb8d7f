"""The HTTP port: what is answered to whom."""

from __future__ import annotations

import gzip
import threading
import zlib

import pytest
import requests
from google.protobuf.json_format import MessageToJson
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # ships no types
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import SEVERITY_NUMBER_ERROR, LogRecord

from collector.intake import Encoding, Intake, Overloaded, Signal
from collector.items import Undecodable
from store.api import Batch, StoreBusy, StoreUnavailable
from tests.collector import build
from tests.collector.conftest import MAX_REQUEST_BYTES, Running

ORIGIN = "http://shop.example:8080"


def post(
    running: Running, path: str, body: bytes, headers: dict[str, str] | None = None
) -> requests.Response:
    return requests.post(running.url + path, data=body, headers=headers or build.PROTOBUF, timeout=10)


def test_a_whole_success_is_empty_and_in_the_senders_encoding(running: Running) -> None:
    answer = post(running, "/v1/traces", build.traces([build.span(1), build.span(2)]).SerializeToString())
    assert (answer.status_code, answer.content) == (200, b"")
    assert [row.name for row in running.writer.spans] == ["work 1", "work 2"]


def test_an_empty_request_succeeds_and_writes_nothing(running: Running) -> None:
    for path in ("/v1/traces", "/v1/logs", "/v1/metrics"):
        assert post(running, path, b"").status_code == 200
        assert post(running, path, b"{}", build.JSON).content == b"{}"
    assert post(running, "/v1/rum", b"[]", build.JSON).status_code == 200
    assert running.writer.batches == []


def test_bad_spans_are_refused_alone_and_the_answer_says_why(running: Running) -> None:
    spans = [
        build.span(1),
        build.span(2, trace_id=bytes(16)),
        build.span(3, trace_id=b"short"),
        build.span(4, span_id=b"far too long"),
        build.span(5, start_time_unix_nano=0),
        build.span(6, start_time_unix_nano=1_795_343_000_000),
        build.span(7, start_time_unix_nano=2**63 + 5),
        build.span(8, parent_span_id=b"odd"),
        build.span(9),
    ]
    answer = post(running, "/v1/traces", build.traces(spans).SerializeToString())
    response = ExportTraceServiceResponse.FromString(answer.content)
    assert answer.status_code == 200
    assert response.partial_success.rejected_spans == 7
    assert "nanoseconds" in response.partial_success.error_message
    assert [row.name for row in running.writer.spans] == ["work 1", "work 9"]
    assert running.writer.rejected == 7


def test_text_that_is_not_utf_8_refuses_its_span_alone(running: Running) -> None:
    request = build.traces([build.span(1, name="?XYZ?"), build.span(2)])
    answer = post(running, "/v1/traces", request.SerializeToString().replace(b"?XYZ?", b"?\xff\xfe\xfd?"))
    assert answer.status_code == 200
    assert [row.name for row in running.writer.spans] == ["work 2"]
    assert "UTF-8" in ExportTraceServiceResponse.FromString(answer.content).partial_success.error_message


def test_logs_and_their_partial_success(running: Running) -> None:
    records = [
        LogRecord(
            time_unix_nano=build.T0,
            severity_number=SEVERITY_NUMBER_ERROR,
            trace_id=b"t" * 16,
            span_id=b"s" * 8,
        ),
        LogRecord(observed_time_unix_nano=build.T0, trace_id=bytes(16), severity_text="Warning"),
        LogRecord(time_unix_nano=build.T0, trace_id=b"short"),
        LogRecord(),
    ]
    records[0].body.string_value = "it broke"
    records[1].body.kvlist_value.values.append(build.pair("a", 1))
    answer = post(running, "/v1/logs", build.logs(records).SerializeToString())
    assert ExportLogsServiceResponse.FromString(answer.content).partial_success.rejected_log_records == 1
    first, second, third = running.writer.logs
    assert (first.body, first.severity_number, first.trace_id, first.span_id, first.service) == (
        "it broke",
        17,
        b"t" * 16,
        b"s" * 8,
        "shop",
    )
    assert (second.body, second.trace_id, second.time_unix_nano) == ('{"a":1}', b"", build.T0)
    assert second.severity_number == 13, "a text alone says how severe it is"
    assert third.time_unix_nano > build.T0


def test_a_logs_event_name_is_kept_in_both_encodings(running: Running) -> None:
    """An event without a body reads as its name; older senders name it in an attribute."""
    attribute = build.pair("event.name", "deployment.older")
    records = [
        LogRecord(time_unix_nano=build.T0, event_name="deployment.finished", attributes=[attribute]),
        LogRecord(time_unix_nano=build.T0, attributes=[attribute], body=AnyValue(string_value="said")),
    ]
    request = build.logs(records)
    post(running, "/v1/logs", request.SerializeToString())
    post(running, "/v1/logs", MessageToJson(request).encode(), build.JSON)
    logs = running.writer.logs
    for first, second in (logs[:2], logs[2:]):
        assert (first.event, first.body) == ("deployment.finished", "deployment.finished")
        assert LogRecord.FromString(first.raw).event_name == "deployment.finished"
        assert (second.event, second.body) == ("deployment.older", "said")


def test_metric_points_are_counted(running: Running) -> None:
    before = requests.get(running.url + "/stats", timeout=5).json()["received"]["metric_points"]
    assert post(running, "/v1/metrics", build.metrics(5).SerializeToString()).status_code == 200
    assert len(running.writer.batches[-1].metrics) == 5
    metric = (
        b'{"name":"m","sum":{"aggregationTemporality":2,"dataPoints":['
        b'{"timeUnixNano":"1800000000000000000","asInt":"7"},{"timeUnixNano":"1800000000000000001","asDouble":7.5}]}}'
    )
    document = b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[' + metric + b"]}]}]}"
    assert post(running, "/v1/metrics", document, build.JSON).status_code == 200
    stats = requests.get(running.url + "/stats", timeout=5).json()
    assert stats["received"]["metric_points"] == before + 7


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/logs", "/v1/metrics"])
def test_an_undecodable_body_is_a_final_error_in_the_senders_encoding(running: Running, path: str) -> None:
    answer = post(running, path, b"\x0a\xff\xff\xff\xff\x07nonsense")
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/x-protobuf"
    assert Status.FromString(answer.content).message
    for body in (b"{", b"[]", b"7", b'{"resourceSpans":7,"resourceLogs":7,"resourceMetrics":7}', b"\xff"):
        answer = post(running, path, body, build.JSON)
        assert answer.status_code == 400, body
        assert answer.json()["message"]


def test_gzip_is_understood_and_other_codings_are_not(running: Running) -> None:
    body = build.traces([build.span(1)]).SerializeToString()
    zipped = build.PROTOBUF | {"Content-Encoding": "gzip"}
    assert post(running, "/v1/traces", gzip.compress(body), zipped).status_code == 200
    two_members = gzip.compress(body[:10]) + gzip.compress(body[10:])
    assert post(running, "/v1/traces", two_members, zipped).status_code == 200
    assert len(running.writer.spans) == 2
    for broken in (body, gzip.compress(body)[:-9], gzip.compress(body) + b"more"):
        assert post(running, "/v1/traces", broken, zipped).status_code == 400
    deflated = build.PROTOBUF | {"Content-Encoding": "deflate"}
    assert post(running, "/v1/traces", zlib.compress(body), deflated).status_code == 415


def test_sizes_are_bounded_before_and_after_decompression(running: Running) -> None:
    large = b"\0" * (MAX_REQUEST_BYTES + 1)
    answer = post(running, "/v1/traces", large)
    assert answer.status_code == 413
    assert str(MAX_REQUEST_BYTES) in Status.FromString(answer.content).message
    bomb = gzip.compress(b"\0" * (64 * 1024 * 1024))
    assert len(bomb) < MAX_REQUEST_BYTES
    zipped = build.PROTOBUF | {"Content-Encoding": "gzip"}
    assert post(running, "/v1/traces", bomb, zipped).status_code == 413


def test_chunked_bodies_are_bounded_too(running: Running) -> None:
    def chunks() -> list[bytes]:
        return [b"\0" * 16_384] * (MAX_REQUEST_BYTES // 16_384 + 2)

    answer = requests.post(
        running.url + "/v1/traces", data=iter(chunks()), headers=build.PROTOBUF, timeout=10
    )
    assert answer.status_code == 413


def test_methods_paths_and_content_types_that_are_not_known(running: Running) -> None:
    assert requests.get(running.url + "/nowhere", timeout=5).status_code == 404
    answer = requests.get(running.url + "/v1/traces", timeout=5)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST, OPTIONS")
    assert requests.post(running.url + "/healthz", timeout=5).status_code == 405
    for headers in ({"Content-Type": "text/plain"}, {}):
        answer = requests.post(running.url + "/v1/traces", data=b"x", headers=headers, timeout=5)
        assert answer.status_code == 415
        assert "application/x-protobuf" in answer.json()["message"]


def test_health_and_stats(running: Running) -> None:
    assert requests.get(running.url + "/healthz", timeout=5).text == "ok"
    assert requests.head(running.url + "/healthz", timeout=5).status_code == 200
    stats = requests.get(running.url + "/stats", timeout=5).json()
    assert stats["queue"]["requests"] == 0
    assert set(stats["received"]) == {"spans", "logs", "metric_points"}


def test_spans_wait_while_settling_is_behind(running: Running) -> None:
    """Before they are decoded; logs and metrics, which are in no trace, are taken meanwhile."""
    running.writer.behind = StoreBusy("the oldest has waited for 2.1 s", "behind")
    for body in (build.traces([build.span(1)]).SerializeToString(), b"\xff not protobuf"):
        answer = post(running, "/v1/traces", body)
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) >= 1
        told = Status.FromString(answer.content)
        assert (told.code, told.message) == (8, "the oldest has waited for 2.1 s")
    assert post(running, "/v1/logs", build.logs([LogRecord(time_unix_nano=build.T0)]).SerializeToString()).ok
    assert post(running, "/v1/metrics", build.metrics(1).SerializeToString()).ok
    stats = requests.get(running.url + "/stats", timeout=5).json()
    (now,) = [each for each in stats["refusals"]["now"] if each["reason"] == "behind"]
    assert now["words"] == "overload, more spans than can be settled in time"
    assert now["counts"]["requests"] >= 2
    assert "2.1 s" in now["message"]
    running.writer.behind = None
    assert post(running, "/v1/traces", build.traces([build.span(1)]).SerializeToString()).ok
    assert len(running.writer.spans) == 1


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [(StoreBusy("the queue is full"), 429, 8), (StoreUnavailable("the disk is full"), 503, 14)],
)
def test_what_is_not_committed_is_not_acknowledged(
    running: Running, refusal: Exception, status: int, code: int
) -> None:
    running.writer.refusal = refusal
    answer = post(running, "/v1/traces", build.traces([build.span(1)]).SerializeToString())
    assert answer.status_code == status
    assert int(answer.headers["Retry-After"]) >= 1
    told = Status.FromString(answer.content)
    assert (told.code, told.message) == (code, str(refusal))


@pytest.mark.parametrize("path", ["/v1/rum", "/v1/rumotlp", "/v1/traces", "/v1/logs"])
def test_pages_of_any_origin_may_send(running: Running, path: str) -> None:
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    preflight = requests.options(running.url + path + "?auth=x", headers=asked, timeout=5)
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Headers"] == "content-type"
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    body = b"[]" if path == "/v1/rum" else b"{}"
    answer = post(running, path, body, build.JSON | {"Origin": ORIGIN})
    for each in (preflight, answer):
        assert each.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert each.headers["Access-Control-Allow-Credentials"] == "true"
        assert "Origin" in each.headers["Vary"]


def test_errors_carry_the_cors_answer_too(running: Running) -> None:
    answer = post(running, "/v1/rum", b"not json", {"Content-Type": "text/plain", "Origin": ORIGIN})
    assert answer.status_code == 400
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


def test_without_an_origin_no_cors_header_is_sent(running: Running) -> None:
    answer = post(running, "/v1/rum", b"[]", build.JSON)
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_header_names_asked_for_are_echoed_only_if_they_are_names(running: Running) -> None:
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    odd = requests.options(
        running.url + "/v1/rum",
        headers=asked | {"Access-Control-Request-Headers": "x; <script>"},
        timeout=5,
    )
    assert odd.headers["Access-Control-Allow-Headers"] == "content-type"


def test_the_log_says_what_was_refused_but_not_over_and_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    intake = Intake(build.ListWriter(), max_in_flight_bytes=1_000_000)
    with caplog.at_level("WARNING", logger="collector"):
        for _ in range(3):
            with pytest.raises(Undecodable):
                intake.take(Signal.LOGS, Encoding.JSON, b"nonsense")
            bad = build.traces([build.span(1, trace_id=b"")]).SerializeToString()
            intake.take(Signal.TRACES, Encoding.PROTOBUF, bad)
    assert len(caplog.messages) == 2
    assert caplog.messages[0].startswith("logs in json: the body is not JSON")
    place = "resourceSpans[0].scopeSpans[0].spans[0] 'work 1'"
    assert caplog.messages[1] == f"spans: a trace id has 0 bytes instead of 16 ({place})"


def test_when_full_it_says_so_and_takes_again_after(caplog: pytest.LogCaptureFixture) -> None:
    body = build.traces([build.span(1)]).SerializeToString()
    inside, leave = threading.Event(), threading.Event()

    class Slow(build.ListWriter):
        def write(self, batch: Batch) -> None:
            inside.set()
            leave.wait(10)
            super().write(batch)

    intake = Intake(Slow(), max_in_flight_bytes=len(body) + 1)
    first = threading.Thread(target=intake.take, args=(Signal.TRACES, Encoding.PROTOBUF, body))
    first.start()
    try:
        assert inside.wait(10)
        with pytest.raises(Overloaded):
            intake.take(Signal.TRACES, Encoding.PROTOBUF, body)
    finally:
        leave.set()
        first.join()
    assert intake.take(Signal.TRACES, Encoding.PROTOBUF, body).accepted == 1
