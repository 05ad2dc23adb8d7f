"""Sends the metrics of a plan by the OpenTelemetry SDK for Python; see ../README.md."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from typing import Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

EVERY: dict[str, Any] = {
    "text": "grüße",
    "whole": 9007199254740993,
    "part": 0.5,
    "flag": True,
    "texts": ["a", "b"],
    "wholes": [1, 2],
    "parts": [0.5, 1.5],
    "flags": [True, False],
}


def main() -> None:
    """Send what the plan on standard input says; print what was sent."""
    plan = json.load(sys.stdin)
    resource = Resource({"service.name": plan["service"], "service.version": "1.2.3"})
    delta: dict[type, AggregationTemporality] = {
        Counter: AggregationTemporality.DELTA,
        Histogram: AggregationTemporality.DELTA,
    }
    exporter = OTLPMetricExporter(
        f"{plan['endpoint']}/v1/metrics",
        preferred_temporality=delta if plan["temporality"] == "delta" else None,
    )
    meters = MeterProvider(
        [PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)],
        resource=resource,
        views=[View(instrument_name="sent.size", aggregation=ExponentialBucketHistogramAggregation())],
    )
    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{plan['endpoint']}/v1/traces")))
    sent = _sent(plan, meters, tracers)
    tracers.shutdown()
    sys.stdout.write(json.dumps(sent))
    sys.stdout.flush()
    # The metrics were flushed: a shutdown would export them once more.
    os._exit(0)


def _sent(plan: Any, meters: MeterProvider, tracers: TracerProvider) -> list[dict[str, Any]]:
    meter, tracer = meters.get_meter("sender", "0.1"), tracers.get_tracer("sender")
    orders = meter.create_counter("sent.orders", "{order}", "Orders placed.")
    queue = meter.create_up_down_counter("sent.queue", "{item}")
    room = meter.create_gauge("sent.room", "Cel")
    latency = meter.create_histogram("sent.latency", "s", explicit_bucket_boundaries_advisory=plan["bounds"])
    size = meter.create_histogram("sent.size", "By")
    sent = []
    for number, each in enumerate(plan["rounds"]):
        if number:
            time.sleep(plan["pause_ms"] / 1000)
        with tracer.start_as_current_span("work") as span:
            orders.add(each["orders"], EVERY)
            queue.add(each["queue"])
            room.set(math.nan if each["room"] is None else each["room"])
            for value in each["latency"]:
                latency.record(value, {"route": "/a"})
            for value in each["size"]:
                size.record(value)
        if not meters.force_flush():
            raise SystemExit("the metrics were not taken")
        ids = span.get_span_context()
        sent.append(
            {
                "trace_id": f"{ids.trace_id:032x}",
                "span_id": f"{ids.span_id:016x}",
                "flushed_unix_nano": time.time_ns(),
            }
        )
    return sent


if __name__ == "__main__":
    main()
