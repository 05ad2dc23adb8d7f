"""Export: nothing is lost while the receiver is away, and what does not fit is counted."""

from __future__ import annotations

import io
import json
import socket
import time
from collections.abc import Mapping
from threading import Thread, enumerate as enumerate_threads

import pytest
from opentelemetry.sdk.resources import Resource

from services.common import telemetry
from services.common.telemetry import Counts, Identity, Telemetry, setup
from services.common.telemetry.pipeline import BatchLimits, Pipeline
from tests.helpers import eventually, free_port
from tests.services.telemetry.receiver import Receiver, receiving


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """A free port, where telemetry goes in this test."""
    port = free_port()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}/")
    return port


def batching_threads() -> list[Thread]:
    return [thread for thread in enumerate_threads() if thread.name.startswith("OtelBatch")]


def started(service: str) -> Telemetry:
    return telemetry.start(Identity(service))


def test_what_ends_arrives_within_a_second_in_one_trace(
    port: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = Receiver()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a b")
    with receiving(port, receiver):
        one = started("one")
        with one.tracer.start_as_current_span("work"):
            one.log.error("it failed", exc_info=ValueError("no"), units=3)
        eventually(lambda: receiver.spans and receiver.logs, "a span and a log arrive", within_s=3)
        one.stop()
    (record,) = receiver.logs
    assert record.trace_id == receiver.spans[0].trace_id
    assert record.span_id == receiver.spans[0].span_id
    assert record.body.string_value == "it failed"
    keys = [pair.key for pair in record.attributes]
    assert keys == ["units", "exception.type", "exception.message", "exception.stacktrace"]
    line = json.loads(capsys.readouterr().out.splitlines()[0])
    assert line["exception.type"] == "ValueError"
    assert line["trace_id"] == record.trace_id.hex()
    assert receiver.headers["x-key"] == "a b"


def _periods_s(pipeline: Pipeline) -> list[float]:
    """How often batches of spans and of logs leave."""
    parts = (pipeline.span_processor, pipeline.log_processor)
    return [each._batch_processor._schedule_delay for each in parts if each]


def _pipeline(*, metrics_ms: float | None, **limits: float) -> Pipeline:
    made = BatchLimits(**limits)  # type: ignore[arg-type]
    return Pipeline(made, made, lambda *_: None, metrics_period_ms=metrics_ms)


def test_batches_leave_quickly_until_the_first_metrics_did(port: int) -> None:
    """Whoever has just started a service waits for its first spans."""
    with receiving(port, Receiver()):
        one = started("quick")
        pipeline = one.pipeline
        assert pipeline is not None
        assert _periods_s(pipeline) == [0.06, 0.06]
        assert one.flush(5)
        eventually(lambda: _periods_s(pipeline) == [0.3, 0.3], "the usual period begins")
        one.stop()


@pytest.mark.parametrize(
    ("metrics_ms", "period_ms", "expected"),
    [(5_000, 200, 0.2), (None, 300, 0.3), (60_000, 300, 0.3)],
)
def test_a_period_that_was_chosen_holds_from_the_first_batch(
    port: int, metrics_ms: float | None, period_ms: float, expected: float
) -> None:
    """So does the usual one where metrics, which end the quick ones, come late or never."""
    pipeline = _pipeline(metrics_ms=metrics_ms, period_ms=period_ms)
    assert _periods_s(pipeline) == [expected, expected]
    pipeline.stop(0.05)


def test_a_second_start_is_the_same(port: int) -> None:
    first = started("twice")
    assert started("twice") is first
    first.stop(0.05)


def test_nothing_is_lost_while_the_receiver_is_away(port: int) -> None:
    one = started("patient")
    for number in range(200):
        one.tracer.start_span(f"span {number}").end()
    assert not one.flush(0.3)
    receiver = Receiver()
    with receiving(port, receiver):
        eventually(lambda: len(receiver.spans) == 200, "all spans arrive once it is back", within_s=5)
        assert one.counts()["spans"].dropped == 0
        one.stop()
    assert [span.name for span in receiver.spans] == [f"span {number}" for number in range(200)]


def test_a_receiver_that_restarts_misses_nothing(port: int) -> None:
    one = started("steady")
    for name in ("before", "after"):
        receiver = Receiver()
        with receiving(port, receiver):
            one.tracer.start_span(name).end()
            eventually(lambda got=receiver: got.spans, f"the span {name} arrives", within_s=5)  # type: ignore[misc]
        assert [span.name for span in receiver.spans] == [name]
    assert one.counts()["spans"].dropped == 0
    one.stop(0.1)


@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_that_says_later_is_asked_again(port: int, status: int) -> None:
    receiver = Receiver(status=status)
    with receiving(port, receiver):
        one = started("asking")
        one.tracer.start_span("span").end()
        eventually(lambda: receiver.requests >= 2, "a second try", within_s=5)
        receiver.status = 200
        eventually(lambda: receiver.spans, "the span arrives", within_s=5)
        one.stop()


def test_a_final_no_is_counted_and_not_repeated(port: int) -> None:
    receiver = Receiver(status=400)
    with receiving(port, receiver):
        one = started("refused")
        one.tracer.start_span("span").end()
        eventually(lambda: one.counts()["spans"].dropped == 1, "the drop is counted", within_s=5)
        one.stop(0.2)


def test_what_does_not_fit_is_counted_and_reported(port: int) -> None:
    reports: list[Mapping[str, object]] = []
    pipeline = Pipeline(BatchLimits(capacity=100), None, lambda _message, fields: reports.append(fields))
    assert pipeline.span_processor
    one = telemetry.build(Identity("full"), span_processors=[pipeline.span_processor], stream=io.StringIO())
    for _ in range(300):
        one.tracer.start_span("span").end()
    counts = pipeline.counts()["spans"]
    assert (counts.dropped, counts.waiting) == (200, 100)
    pipeline.stop(0.1)
    assert pipeline.counts()["spans"].dropped == 300
    assert reports[-1] == {"dropped.spans": 300}


def test_drops_are_logged_when_the_receiver_is_back(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "64")
    one = started("overrun")
    for _ in range(300):
        one.tracer.start_span("span").end()
    receiver = Receiver()

    def accounted() -> int:
        """How many spans arrived or were reported as dropped by the newest report."""
        reported = {pair.key: pair.value.int_value for pair in receiver.logs[-1].attributes}
        return int(reported["dropped.spans"]) + len(receiver.spans)

    with receiving(port, receiver):
        # A first report may have been made while spans were still being dropped.
        eventually(lambda: receiver.logs and accounted() == 300, "the whole loss is reported", within_s=5)
        one.stop()
    assert "Telemetry was dropped" in receiver.logs[-1].body.string_value
    assert accounted() == 300


def test_a_stop_sends_what_is_left(port: int) -> None:
    receiver = Receiver()
    with receiving(port, receiver):
        one = started("leaving")
        for _ in range(500):
            one.tracer.start_span("span").end()
            one.log.info("line")
        one.stop()
    assert (len(receiver.spans), len(receiver.logs)) == (500, 500)


def test_a_receiver_that_is_back_during_the_stop_gets_what_is_left(port: int) -> None:
    one = started("late")
    one.tracer.start_span("span").end()
    assert not one.flush(0.5)
    stopping = Thread(target=one.stop, args=(5.0,))
    stopping.start()
    receiver = Receiver()
    with receiving(port, receiver):
        eventually(lambda: receiver.spans, "the span arrives", within_s=4)
        stopping.join(5)
    assert one.counts()["spans"] == Counts(sent=1, dropped=0, waiting=0)


def test_a_stop_does_not_wait_for_a_receiver_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        one = started("hanging")
        one.tracer.start_span("span").end()
        connection, _ = silent.accept()
        with connection:
            stopping = Thread(target=one.stop, args=(0.1,))
            stopping.start()
            eventually(lambda: not stopping.is_alive(), "the stop ends", within_s=3)
    # Its last words must not reach the next test.
    eventually(lambda: not batching_threads(), "the exporter's threads end", within_s=5)
    assert one.counts()["spans"] == Counts(sent=0, dropped=1, waiting=0)


def test_refused_logs_do_not_make_ever_more_logs(port: int) -> None:
    receiver = Receiver(status=400)
    began_s = time.time()
    with receiving(port, receiver):
        one = started("unwelcome")
        one.log.info("line")
        eventually(lambda: one.counts()["logs"].dropped, "the line is refused", within_s=5)
        assert one.flush()
        # The line, the report, and what the exporters of logs and metrics log of refusals: each may once in
        # every twenty seconds of the clock.
        windows = int(time.time() // 20) - int(began_s // 20) + 1
        assert 2 <= one.counts()["logs"].dropped <= 2 + 2 * windows
        one.stop()


def test_batching_follows_the_variables_of_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    assert setup.limits("LOGS", "BLRP") == BatchLimits(8192, 300, 512)
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "100")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "soon")
    monkeypatch.setenv("OTEL_BLRP_SCHEDULE_DELAY", "500")
    monkeypatch.setenv("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "64")
    assert setup.limits("TRACES", "BSP") == BatchLimits(100, 300, 512)
    assert setup.limits("LOGS", "BLRP") == BatchLimits(100, 500, 64)
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "None")
    assert setup.limits("LOGS", "BLRP") is None


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_RESOURCE_ATTRIBUTES": "team=blue,host.name=there", "OTEL_SERVICE_NAME": "other"},
        {"OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "process"},
        {"OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": " , "},
    ],
)
def test_the_resource_is_the_one_that_the_sdk_makes(
    monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]
) -> None:
    """With the same attributes in the same order, whatever detectors are wanted."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    made = setup._resource(Identity("shop"))
    given = ("service.", "deployment.", "host.name", "process.pid")
    created = Resource.create({key: value for key, value in made.attributes.items() if key.startswith(given)})

    assert {**made.attributes} == {**created.attributes}
    assert list(made.attributes) == list(created.attributes)
    assert made.schema_url == created.schema_url


def test_telemetry_can_be_switched_off(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    one = telemetry.start(Identity("silent"))
    with one.tracer.start_as_current_span("work"):
        one.log.info("still on standard output")
    assert one.counts() == {}
    assert json.loads(capsys.readouterr().out)["message"] == "still on standard output"
    one.stop()


def test_a_log_line_outside_a_request_has_no_trace() -> None:
    stream = io.StringIO()
    telemetry.make_logger({"service.name": "x"}, None, stream).info("hello", card_number="4432801561520454")
    line = json.loads(stream.getvalue())
    assert "trace_id" not in line
    assert line["card_number"] == "[redacted]"
    assert line["severity"] == "info"
