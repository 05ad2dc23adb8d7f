"""The ClickHouse engine: reads and writes the tables of OpenTelemetry's exporter for ClickHouse."""
