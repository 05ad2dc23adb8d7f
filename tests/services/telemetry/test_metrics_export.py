"""Metrics leave by the same way as spans and logs: counted, bounded, and never in the way of anything."""

from __future__ import annotations

import json
import socket
from threading import Event, Thread, enumerate as enumerate_threads

import pytest

from services.common import telemetry
from services.common.telemetry import Identity, Telemetry, counter, histogram, setup
from services.common.thread_pool import CountingThreadPool
from tests.helpers import eventually, free_port
from tests.services.telemetry.receiver import Receiver, receiving


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """A free port, where telemetry goes in this test."""
    port = free_port()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}/")
    return port


def started(service: str) -> Telemetry:
    return telemetry.start(Identity(service))


def names(receiver: Receiver) -> set[str]:
    return {metric.name for metric in receiver.metrics}


def test_a_stop_sends_what_was_measured_with_its_exemplar(port: int) -> None:
    receiver = Receiver()
    with receiving(port, receiver):
        one = started("measuring")
        with one.tracer.start_as_current_span("order") as span:
            counter(one.meter, "hipstershop.orders").add(1, {"hipstershop.outcome": "placed"})
        one.stop()
    assert {"hipstershop.orders", "process.cpu.time", "otel.sdk.processor.span.queue.size"} <= names(receiver)
    assert one.counts()["metrics"].sent > 10
    assert one.counts()["metrics"].waiting == one.counts()["metrics"].dropped == 0
    (orders,) = [metric for metric in receiver.metrics if metric.name == "hipstershop.orders"]
    (point,) = orders.sum.data_points
    (exemplar,) = point.exemplars
    assert exemplar.trace_id == span.get_span_context().trace_id.to_bytes(16, "big")
    assert exemplar.span_id == span.get_span_context().span_id.to_bytes(8, "big")


def test_metrics_leave_at_the_interval(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "50")
    receiver = Receiver()
    with receiving(port, receiver):
        one = started("often")
        eventually(
            lambda: len([each for each in receiver.metrics if each.name == "process.uptime"]) >= 3,
            "three exports",
            within_s=5,
        )
        one.stop()


def test_the_interval_and_the_exporter_follow_their_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    assert setup.metrics_period_ms() == 5_000
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "2500")
    assert setup.metrics_period_ms() == 2500
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "-1")
    assert setup.metrics_period_ms() == 5_000
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", " None ")
    assert setup.metrics_period_ms() is None


def test_metrics_alone_can_be_switched_off(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    receiver = Receiver()
    with receiving(port, receiver):
        one = started("unmeasured")
        histogram(one.meter, "rpc.server.call.duration").record(1.0)
        one.tracer.start_span("span").end()
        one.stop()
    assert len(receiver.spans) == 1
    assert receiver.metrics == []
    assert "metrics" not in one.counts()


def test_exemplars_can_be_switched_off(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_METRICS_EXEMPLAR_FILTER", "always_off")
    receiver = Receiver()
    with receiving(port, receiver):
        one = started("no-exemplars")
        with one.tracer.start_as_current_span("order"):
            counter(one.meter, "hipstershop.orders").add(1)
        one.stop()
    (orders,) = [metric for metric in receiver.metrics if metric.name == "hipstershop.orders"]
    assert not orders.sum.data_points[0].exemplars


def test_an_unknown_filter_of_exemplars_is_said_and_harms_nothing(
    port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_METRICS_EXEMPLAR_FILTER", "some")
    with receiving(port, Receiver()):
        started("odd-filter").stop()
    assert "OTEL_METRICS_EXEMPLAR_FILTER: trace_based is used instead" in capsys.readouterr().out


def test_a_final_no_is_counted_and_reported_with_the_other_signals(
    port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with receiving(port, Receiver(status=400)):
        one = started("refused-metrics")
        assert one.flush()
        counts = one.counts()["metrics"]
        assert (counts.sent, counts.waiting) == (0, 0)
        assert counts.dropped > 10
        one.stop()
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    reports = [line for line in lines if "Telemetry was dropped" in line["message"]]
    assert max(report.get("dropped.metrics", 0) for report in reports) > 10


def test_a_receiver_that_was_away_gets_what_was_measured_meanwhile(port: int) -> None:
    one = started("away")
    counter(one.meter, "hipstershop.orders").add(3)
    assert not one.flush(0.3)
    receiver = Receiver()
    with receiving(port, receiver):
        eventually(lambda: "hipstershop.orders" in names(receiver), "the metric arrives", within_s=5)
        one.stop()
    assert one.counts()["metrics"].dropped == 0


def test_a_receiver_that_never_answers_delays_neither_the_measuring_nor_the_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "20")
        one = started("hanging-metrics")
        connection, _ = silent.accept()
        with connection:
            orders = counter(one.meter, "hipstershop.orders")
            measuring = Thread(target=lambda: [orders.add(1) for _ in range(1000)])
            measuring.start()
            eventually(lambda: not measuring.is_alive(), "a thousand orders are measured", within_s=3)
            stopping = Thread(target=one.stop, args=(0.1,))
            stopping.start()
            eventually(lambda: not stopping.is_alive(), "the stop ends", within_s=3)
    eventually(
        lambda: not [each for each in enumerate_threads() if each.name.startswith("OtelPeriodic")],
        "the reader's thread ends",
        within_s=5,
    )
    assert one.counts()["metrics"].dropped > 10
    assert one.counts()["metrics"].waiting == 0


def test_a_pool_says_how_many_work_and_how_many_wait() -> None:
    pool, release = CountingThreadPool(2, "busy"), Event()
    assert pool.occupancy() == (0, 2, 0)
    working = [pool.submit(release.wait, 10) for _ in range(5)]
    eventually(lambda: pool.occupancy() == (2, 2, 3), "two work, three wait")
    assert working[-1].cancel()
    assert pool.occupancy() == (2, 2, 2)
    release.set()
    pool.shutdown()
    assert pool.occupancy() == (0, 2, 0)
    with pytest.raises(RuntimeError):
        pool.submit(release.wait)
    assert pool.occupancy() == (0, 2, 0)
