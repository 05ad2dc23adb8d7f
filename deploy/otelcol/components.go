package main

import (
	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/clickhouseexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/loadbalancingexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/tailsamplingprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/hostmetricsreceiver"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/prometheusreceiver"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/batchprocessor"
	"go.opentelemetry.io/collector/processor/memorylimiterprocessor"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
)

// version is that of the modules in go.mod.
const version = "0.160.0"

var receivers = []receiver.Factory{
	hostmetricsreceiver.NewFactory(),
	otlpreceiver.NewFactory(),
	prometheusreceiver.NewFactory(),
}

var processors = []processor.Factory{
	batchprocessor.NewFactory(),
	memorylimiterprocessor.NewFactory(),
	tailsamplingprocessor.NewFactory(),
}

var exporters = []exporter.Factory{
	clickhouseexporter.NewFactory(),
	loadbalancingexporter.NewFactory(),
	otlpexporter.NewFactory(),
	otlphttpexporter.NewFactory(),
}

func factories() (otelcol.Factories, error) {
	found := otelcol.Factories{Telemetry: otelconftelemetry.NewFactory()}
	var err error
	if found.Receivers, err = otelcol.MakeFactoryMap(receivers...); err != nil {
		return found, err
	}
	if found.Processors, err = otelcol.MakeFactoryMap(processors...); err != nil {
		return found, err
	}
	found.Exporters, err = otelcol.MakeFactoryMap(exporters...)
	return found, err
}
