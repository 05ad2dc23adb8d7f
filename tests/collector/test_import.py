"""Files of Jaeger's, Zipkin's and OTLP's JSON are imported, with a word about what was refused."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from collector import jaeger
from collector.import_files import main
from collector.import_reading import Unusable, read_file
from collector.import_sending import requests
from collector.items import Group, Refusals
from collector.wire import Request
from store.decode import resource_attributes, span_detail
from tests.collector.conftest import Running

TRACE, SPAN, PARENT = "00000000000000001f2e3d4c5b6a7988", "00000000000000ab", "00000000000000aa"
START_US = 1_700_000_000_123_456

JAEGER: dict[str, Any] = {
    "traceID": TRACE.lstrip("0"),
    "spans": [
        {
            "traceID": TRACE.lstrip("0"),
            "spanID": "ab",
            "flags": 1,
            "operationName": "charge",
            "references": [
                {"refType": "CHILD_OF", "traceID": TRACE, "spanID": "aa"},
                {"refType": "FOLLOWS_FROM", "traceID": "77", "spanID": "88"},
            ],
            "startTime": START_US,
            "duration": 1_500,
            "tags": [
                {"key": "span.kind", "type": "string", "value": "server"},
                {"key": "error", "type": "bool", "value": True},
                {"key": "http.status_code", "type": "int64", "value": 500},
                {"key": "large", "type": "int64", "value": str(2**60)},
                {"key": "share", "type": "float64", "value": 0.5},
                {"key": "bytes", "type": "binary", "value": "AP8="},
                {"key": "otel.scope.name", "type": "string", "value": "lib"},
            ],
            "logs": [
                {
                    "timestamp": START_US + 5,
                    "fields": [
                        {"key": "event", "type": "string", "value": "exception"},
                        {"key": "exception.type", "type": "string", "value": "Boom"},
                    ],
                }
            ],
            "processID": "p1",
            "warnings": None,
        },
        {"traceID": TRACE, "spanID": "not hex", "operationName": "broken", "processID": "p1"},
    ],
    "processes": {
        "p1": {"serviceName": "pay", "tags": [{"key": "host.name", "type": "string", "value": "h"}]}
    },
}
ZIPKIN = [
    {
        "traceId": TRACE,
        "id": SPAN,
        "name": "charge",
        "timestamp": START_US,
        "duration": 1_500,
        "localEndpoint": {"serviceName": "pay"},
    }
]


def _otlp(start_ns: int = START_US * 1_000, trace_id: str = TRACE) -> dict[str, Any]:
    span = {
        "traceId": trace_id,
        "spanId": SPAN,
        "name": "charge",
        "startTimeUnixNano": str(start_ns),
        "endTimeUnixNano": str(start_ns + 1_500_000),
        "events": [{"timeUnixNano": str(start_ns + 5), "name": "e"}],
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "pay"}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}


def _with_logs_and_metrics() -> dict[str, Any]:
    log = {"timeUnixNano": str(START_US * 1_000 + 7), "body": {"stringValue": "hello"}}
    point = {"timeUnixNano": str(START_US * 1_000 + 9), "asInt": "3"}
    return _otlp() | {
        "resourceLogs": [{"scopeLogs": [{"logRecords": [log]}]}],
        "resourceMetrics": [
            {"scopeMetrics": [{"metrics": [{"name": "m", "gauge": {"dataPoints": [point]}}]}]}
        ],
    }


def _file(folder: Path, document: object, name: str = "file.json") -> Path:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def _run(running: Running, *words: object) -> int:
    return main(["--collector", running.url, "--observer", "http://127.0.0.1:8090/", *map(str, words)])


@pytest.mark.parametrize(
    "shape",
    [
        lambda trace: {"data": [trace], "total": 0, "limit": 0, "offset": 0, "errors": None},
        lambda trace: [trace],
        lambda trace: trace,
    ],
)
def test_a_trace_of_jaeger_is_imported_with_all_that_it_says(
    running: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str], shape: Callable[[Any], Any]
) -> None:
    """The answer of the API, a list of traces and one trace hold the same; one malformed span is refused."""
    assert _run(running, _file(tmp_path, shape(JAEGER))) == 0
    (span,) = [span for batch in running.writer.batches for span in batch.spans]
    assert (span.trace_id.hex(), span.span_id.hex()) == (TRACE, SPAN)
    assert (span.service, span.name, span.error) == ("pay", "charge", True)
    assert (span.start_unix_nano, span.duration_ns) == (START_US * 1_000, 1_500_000)
    assert (span.parent_span_id or b"").hex() == PARENT
    detail = span_detail(span.raw)
    assert detail.attributes == {
        "error": True,
        "http.status_code": 500,
        "large": 2**60,
        "share": 0.5,
        "bytes": b"\x00\xff",
    }
    assert [(event.name, event.attributes) for event in detail.events] == [
        ("exception", {"exception.type": "Boom"})
    ]
    assert [(link.trace_id, link.span_id) for link in detail.links] == [("77".zfill(32), "88".zfill(16))]
    assert resource_attributes(span.resource) == {"service.name": "pay", "host.name": "h"}
    printed = capsys.readouterr().out
    assert "Jaeger JSON, 1 span imported, 1 refused" in printed
    assert "hexadecimal digits (data[0].spans[1] 'broken')" in printed
    assert f"See: http://127.0.0.1:8090/apm/traces/{TRACE}" in printed


@pytest.mark.parametrize("document", [ZIPKIN, [ZIPKIN], _otlp(), [_otlp()]])
def test_zipkin_and_otlp_are_told_apart_by_what_they_hold(
    running: Running, tmp_path: Path, document: object
) -> None:
    """Whatever a file is called."""
    assert _run(running, _file(tmp_path, document, "anything.txt")) == 0
    (span,) = [span for batch in running.writer.batches for span in batch.spans]
    assert (span.trace_id.hex(), span.service, span.start_unix_nano) == (TRACE, "pay", START_US * 1_000)


def test_one_document_holds_several_signals(
    running: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each goes to its own address of the collector, and each has a screen."""
    assert _run(running, _file(tmp_path, _with_logs_and_metrics())) == 0
    batches = running.writer.batches
    assert [sum(len(kind) for kind in kinds) for kinds in zip(*[
        (batch.spans, batch.logs, batch.metrics) for batch in batches
    ], strict=True)] == [1, 1, 1]  # fmt: skip
    printed = capsys.readouterr().out
    assert "OTLP JSON, 1 span and 1 log and 1 metric imported." in printed
    assert all(
        f"http://127.0.0.1:8090{page}?from=" in printed for page in ("/apm/traces", "/logs", "/metrics")
    )


def test_lines_and_gzip_are_read(
    running: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the Collector's file exporter writes them; a line that was cut is refused alone."""
    lines = [json.dumps(_otlp(trace_id=f"{number:032x}")) for number in (1, 2, 3)]
    path = tmp_path / "traces.jsonl.gz"
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n" + lines[0][:50]).encode()))
    assert _run(running, path) == 0
    assert len({span.trace_id for batch in running.writer.batches for span in batch.spans}) == 3
    printed = capsys.readouterr().out
    assert "3 spans imported, 1 refused: a line is not JSON" in printed
    assert "line 4" in printed


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "it is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "it is not JSON"),
        (b"hello\nworld\n", "it is not JSON, and neither is each of its lines"),
        (b"{}", "it is none of Jaeger's JSON"),
        (b"[]", "it is none of Jaeger's JSON"),
        (b"[1, 2]", "it is none of Jaeger's JSON"),
        (b'{"data": {"a": 1}}', "it is none of Jaeger's JSON"),
        (b"\x1f\x8bnot gzip", "it is not complete, valid gzip"),
        (gzip.compress(b"[" * 1000, mtime=0)[:-9], "it is not complete, valid gzip"),
    ],
)
def test_garbage_gets_a_sentence(
    running: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, part: str
) -> None:
    """The other files are imported."""
    path = tmp_path / "garbage"
    path.write_bytes(content)
    assert _run(running, path, _file(tmp_path, ZIPKIN)) == 1
    captured = capsys.readouterr()
    assert part in captured.err
    assert str(path) in captured.err
    assert "Zipkin JSON, 1 span imported." in captured.out


def test_times_of_all_files_are_moved_together(
    running: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The newest is now, what lies between them stays, and so does an event's place in its span."""
    early = _file(tmp_path, _otlp(START_US * 1_000 - 60 * 10**9, "1" * 32), "early.json")
    late = _file(tmp_path, _otlp(), "late.json")
    before_ns = time.time_ns()
    assert _run(running, "--shift-to-now", early, late) == 0
    spans = {span.trace_id.hex(): span for batch in running.writer.batches for span in batch.spans}
    first, last = spans["1" * 32], spans[TRACE]
    assert last.start_unix_nano - first.start_unix_nano == 60 * 10**9
    assert before_ns - 2 * 10**9 < last.start_unix_nano < time.time_ns()
    (event,) = span_detail(last.raw).events
    assert event.time_unix_nano - last.start_unix_nano == 5
    assert "All times were moved by +" in capsys.readouterr().out


def test_a_short_file_of_a_few_minutes_ago_is_announced(
    running: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The store may take it for a live sender with a slow clock (ADR 020)."""
    path = _file(tmp_path, _otlp(time.time_ns() - 600 * 10**9))
    assert _run(running, path) == 0
    assert "1 sender of a few minutes ago may be taken for live" in capsys.readouterr().out
    assert _run(running, "--shift-to-now", path) == 0
    assert "slow clock" not in capsys.readouterr().out


def test_a_collector_that_does_not_answer_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1 and a sentence."""
    assert main(["--collector", "http://127.0.0.1:9", str(_file(tmp_path, ZIPKIN))]) == 1
    assert "the collector at http://127.0.0.1:9 does not answer" in capsys.readouterr().err


def test_requests_are_bounded_and_keep_every_item() -> None:
    """An item that is larger than the bound is sent alone."""
    groups = [Group(b"", b"", [b"x" * 200_000] * 5), Group(b"", b"", [b"y" * 900_000, b"z"])]
    bodies = list(requests(groups))
    items = [
        item
        for body in bodies
        for resourced in Request.FromString(body).resourced
        for scoped in resourced.scoped
        for item in scoped.items
    ]
    assert items == [item for group in groups for item in group.items]
    assert max(map(len, bodies)) < 1_000_000


@pytest.mark.parametrize(
    "change",
    [
        {"spanID": None},
        {"traceID": "0" * 33},
        {"startTime": "soon"},
        {"duration": -1},
        {"processID": "p9"},
        {"references": {}},
        {"references": [1]},
        {"tags": [{"value": 1}]},
        {"tags": [{"key": "n", "type": "int64", "value": "many"}]},
        {"tags": [{"key": "n", "type": "int64", "value": 2**70}]},
        {"tags": [{"key": "b", "type": "binary", "value": "?"}]},
        {"logs": [1]},
        {"logs": 3},
    ],
)
def test_a_malformed_span_is_refused_alone(change: dict[str, Any]) -> None:
    """Whatever is wrong with it, the others are read."""
    good = JAEGER["spans"][0]
    refused = Refusals()
    made = jaeger.groups([JAEGER | {"spans": [good | change, good]}, 7, {"spans": None}], refused)
    assert sum(len(group.items) for group in made) == 1
    assert refused.count == 3


def test_lone_surrogates_become_replacement_characters(tmp_path: Path) -> None:
    """Text that is not Unicode does not cost the file."""
    text = json.dumps(JAEGER).replace('"charge"', '"a\\ud800b"')
    reading = read_file(_file(tmp_path, text))
    assert reading.count("traces") == 1


def test_a_missing_file_is_unusable(tmp_path: Path) -> None:
    """The reason is the system's."""
    with pytest.raises(Unusable, match="cannot be read"):
        read_file(tmp_path / "nothing")
