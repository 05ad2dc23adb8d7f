// Sends the metrics of a plan by the OpenTelemetry SDK for Go; see ../README.md.
package main

import (
	"context"
	"encoding/json"
	"log"
	"math"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
)

type round struct {
	Orders  int64     `json:"orders"`
	Queue   int64     `json:"queue"`
	Room    *float64  `json:"room"`
	Latency []float64 `json:"latency"`
	Size    []float64 `json:"size"`
}

type plan struct {
	Endpoint    string    `json:"endpoint"`
	Service     string    `json:"service"`
	Temporality string    `json:"temporality"`
	Bounds      []float64 `json:"bounds"`
	PauseMs     int       `json:"pause_ms"`
	Rounds      []round   `json:"rounds"`
}

type sent struct {
	TraceID string `json:"trace_id"`
	SpanID  string `json:"span_id"`
	Flushed int64  `json:"flushed_unix_nano"`
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func temporality(word string) sdk.TemporalitySelector {
	return func(kind sdk.InstrumentKind) metricdata.Temporality {
		if word == "delta" && kind != sdk.InstrumentKindUpDownCounter {
			return metricdata.DeltaTemporality
		}
		return metricdata.CumulativeTemporality
	}
}

func main() {
	var p plan
	must(json.NewDecoder(os.Stdin).Decode(&p))
	ctx := context.Background()
	res := resource.NewSchemaless(
		attribute.String("service.name", p.Service), attribute.String("service.version", "1.2.3"))
	metrics, err := otlpmetrichttp.New(ctx,
		otlpmetrichttp.WithEndpointURL(p.Endpoint+"/v1/metrics"),
		otlpmetrichttp.WithTemporalitySelector(temporality(p.Temporality)))
	must(err)
	traces, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(p.Endpoint+"/v1/traces"))
	must(err)
	exponential := sdk.NewView(
		sdk.Instrument{Name: "sent.size"},
		sdk.Stream{Aggregation: sdk.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20}})
	meters := sdk.NewMeterProvider(
		sdk.WithResource(res),
		sdk.WithReader(sdk.NewPeriodicReader(metrics, sdk.WithInterval(time.Hour))),
		sdk.WithView(exponential))
	tracers := trace.NewTracerProvider(trace.WithResource(res), trace.WithBatcher(traces))
	send(ctx, p, meters, tracers)
	must(tracers.Shutdown(ctx))
}

func send(ctx context.Context, p plan, meters *sdk.MeterProvider, tracers *trace.TracerProvider) {
	meter, tracer := meters.Meter("sender", metric.WithInstrumentationVersion("0.1")), tracers.Tracer("sender")
	orders, err := meter.Int64Counter(
		"sent.orders", metric.WithUnit("{order}"), metric.WithDescription("Orders placed."))
	must(err)
	queue, err := meter.Int64UpDownCounter("sent.queue", metric.WithUnit("{item}"))
	must(err)
	room, err := meter.Float64Gauge("sent.room", metric.WithUnit("Cel"))
	must(err)
	latency, err := meter.Float64Histogram(
		"sent.latency", metric.WithUnit("s"), metric.WithExplicitBucketBoundaries(p.Bounds...))
	must(err)
	size, err := meter.Float64Histogram("sent.size", metric.WithUnit("By"))
	must(err)
	every := metric.WithAttributes(
		attribute.String("text", "grüße"), attribute.Int64("whole", 9007199254740993),
		attribute.Float64("part", 0.5), attribute.Bool("flag", true),
		attribute.StringSlice("texts", []string{"a", "b"}), attribute.Int64Slice("wholes", []int64{1, 2}),
		attribute.Float64Slice("parts", []float64{0.5, 1.5}), attribute.BoolSlice("flags", []bool{true, false}))
	var all []sent
	for number, each := range p.Rounds {
		if number > 0 {
			time.Sleep(time.Duration(p.PauseMs) * time.Millisecond)
		}
		within, span := tracer.Start(ctx, "work")
		orders.Add(within, each.Orders, every)
		queue.Add(within, each.Queue)
		value := math.NaN()
		if each.Room != nil {
			value = *each.Room
		}
		room.Record(within, value)
		for _, one := range each.Latency {
			latency.Record(within, one, metric.WithAttributes(attribute.String("route", "/a")))
		}
		for _, one := range each.Size {
			size.Record(within, one)
		}
		span.End()
		must(meters.ForceFlush(ctx))
		ids := span.SpanContext()
		all = append(all, sent{ids.TraceID().String(), ids.SpanID().String(), time.Now().UnixNano()})
	}
	must(json.NewEncoder(os.Stdout).Encode(all))
}
