// Sends the metrics of a plan by the OpenTelemetry SDK for JavaScript; see ../README.md.
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { context, trace } from "@opentelemetry/api";
import { AggregationTemporalityPreference } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { AggregationType, MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

const plan = JSON.parse(readFileSync(0, "utf8"));
const resource = resourceFromAttributes({ "service.name": plan.service, "service.version": "1.2.3" });
const exporter = new OTLPMetricExporter({
  url: `${plan.endpoint}/v1/metrics`,
  temporalityPreference:
    plan.temporality === "delta"
      ? AggregationTemporalityPreference.DELTA
      : AggregationTemporalityPreference.CUMULATIVE,
});
const meters = new MeterProvider({
  resource,
  readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })],
  views: [
    {
      instrumentName: "sent.size",
      aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM, options: { maxSize: 160 } },
    },
  ],
});
const tracers = new NodeTracerProvider({
  resource,
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: `${plan.endpoint}/v1/traces` }))],
});
tracers.register();

const meter = meters.getMeter("sender", "0.1");
const tracer = trace.getTracer("sender");
const orders = meter.createCounter("sent.orders", { unit: "{order}", description: "Orders placed." });
const queue = meter.createUpDownCounter("sent.queue", { unit: "{item}" });
const room = meter.createGauge("sent.room", { unit: "Cel" });
const latency = meter.createHistogram("sent.latency", {
  unit: "s",
  advice: { explicitBucketBoundaries: plan.bounds },
});
const size = meter.createHistogram("sent.size", { unit: "By" });
const every = {
  text: "grüße",
  whole: 7,
  part: 0.5,
  flag: true,
  texts: ["a", "b"],
  wholes: [1, 2],
  parts: [0.5, 1.5],
  flags: [true, false],
};

const sent = [];
for (const [number, round] of plan.rounds.entries()) {
  if (number) await pause(plan.pause_ms);
  const span = tracer.startSpan("work");
  context.with(trace.setSpan(context.active(), span), () => {
    orders.add(round.orders, every);
    queue.add(round.queue);
    room.record(round.room ?? NaN);
    for (const value of round.latency) latency.record(value, { route: "/a" });
    for (const value of round.size) size.record(value);
  });
  span.end();
  await meters.forceFlush();
  const ids = span.spanContext();
  sent.push({
    trace_id: ids.traceId,
    span_id: ids.spanId,
    flushed_unix_nano: Date.now() * 1_000_000,
  });
}
await tracers.shutdown();
console.log(JSON.stringify(sent));
// The metrics were flushed: a shutdown would export them once more.
process.exit(0);
