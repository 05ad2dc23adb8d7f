"""Metrics that a collector's exporter wrote into its five tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from signals.metrics import Distribution, ExponentialDistribution, MetricKind, Quantiles, Temporality
from signals.model import TraceId
from store.api import MetricQuery, Window
from store.clickhouse.address import read_address
from store.clickhouse.connection import Connections
from store.clickhouse.reader import ClickHouseReader
from tests.store.build import SECOND, T0, TRACE
from tests.store.clickhouse_house import new_url, require_engine
from tests.store.house import WINDOW

_MAP: Final = "Map(LowCardinality(String), String)"
_COMMON: Final = (
    f"ResourceAttributes {_MAP}, ResourceSchemaUrl String, ScopeName String, ScopeVersion String, "
    f"ScopeAttributes {_MAP}, ScopeDroppedAttrCount UInt32, ScopeSchemaUrl String, "
    "ServiceName LowCardinality(String), MetricName String, MetricDescription String, MetricUnit String, "
    f"Attributes {_MAP}, StartTimeUnix {{time}}, TimeUnix {{time}}, Flags UInt32"
)
_EXEMPLARS: Final = (
    f"Exemplars Nested (FilteredAttributes {_MAP}, TimeUnix {{time}}, Value Float64, SpanId String, "
    "TraceId String)"
)
_EXTENT: Final = "Count UInt64, Sum Float64, Min Float64, Max Float64, AggregationTemporality Int32"
COLUMNS: Final = {
    "gauge": f"Value Float64, {_EXEMPLARS}",
    "sum": f"Value Float64, AggregationTemporality Int32, IsMonotonic Bool, {_EXEMPLARS}",
    "histogram": f"{_EXTENT}, BucketCounts Array(UInt64), ExplicitBounds Array(Float64), {_EXEMPLARS}",
    "exponential_histogram": f"{_EXTENT}, Scale Int32, ZeroCount UInt64, PositiveOffset Int32, "
    "PositiveBucketCounts Array(UInt64), NegativeOffset Int32, NegativeBucketCounts Array(UInt64), "
    f"{_EXEMPLARS}",
    "summary": "Count UInt64, Sum Float64, ValueAtQuantiles Nested (Quantile Float64, Value Float64)",
}
SENT: Final[Mapping[str, Mapping[str, Any]]] = {
    "gauge": {"Value": 3.5},
    "sum": {"Value": 7.0, "AggregationTemporality": 2, "IsMonotonic": True},
    "histogram": {
        "Count": 3, "Sum": 6.0, "Min": 1.0, "Max": 3.0, "AggregationTemporality": 1,
        "BucketCounts": [1, 2], "ExplicitBounds": [1.5],
    },
    "exponential_histogram": {
        "Count": 3, "Sum": 6.0, "Min": 0.0, "Max": 0.0, "AggregationTemporality": 2, "Scale": 1,
        "ZeroCount": 1, "PositiveOffset": 2, "PositiveBucketCounts": [1, 1], "NegativeOffset": 0,
        "NegativeBucketCounts": [],
    },
    "summary": {
        "Count": 2, "Sum": 5.0, "ValueAtQuantiles.Quantile": [0.5], "ValueAtQuantiles.Value": [2.5],
    },
}  # fmt: skip
VALUES: Final = {
    "gauge": 3.5,
    "sum": 7.0,
    "histogram": Distribution(3, 6.0, 1.0, 3.0, (1.5,), (1, 2)),
    "exponential_histogram": ExponentialDistribution(3, 6.0, None, None, 1, 1, 0.0, 2, (1, 1), 0, ()),
    "summary": Quantiles(2, 5.0, ((0.5, 2.5),)),
}


@pytest.fixture(name="tables", params=["DateTime64(9)", "DateTime"])
def _tables(request: pytest.FixtureRequest) -> Iterator[Connections]:
    """The five tables, with times as earlier and as later versions have them."""
    require_engine()
    found = Connections(read_address(new_url()))
    found.run(f"CREATE DATABASE {found.address.database}")
    for name, columns in COLUMNS.items():
        own = f"{_COMMON}, {columns}".replace("{time}", request.param)
        found.run(
            f"CREATE TABLE {found.address.database}.otel_metrics_{name} ({own}) ENGINE = MergeTree "
            "PARTITION BY toDate(TimeUnix) ORDER BY (ServiceName, MetricName, TimeUnix)"
        )
    yield found
    found.close()


def export(tables: Connections, name: str, seconds: int = 1, **changed: Any) -> None:
    """Write one point as the exporter does."""
    at = T0 + seconds * SECOND
    kind = tables.rows(
        f"SELECT type FROM system.columns WHERE database = '{tables.address.database}' "  # ours
        f"AND table = 'otel_metrics_{name}' AND name = 'TimeUnix'"
    )[0][0]
    moment = at if "64" in kind else at // SECOND
    row = {
        "ServiceName": "shop", "ResourceAttributes": {"service.name": "shop", "host.name": "h"},
        "MetricName": f"m.{name}", "MetricUnit": "1", "MetricDescription": "", "ScopeName": "scope",
        "Attributes": {"code": "500"}, "StartTimeUnix": moment, "TimeUnix": moment, **SENT[name], **changed,
    }  # fmt: skip
    if name != "summary":
        row |= {
            "Exemplars.FilteredAttributes": [{"k": "v"}], "Exemplars.TimeUnix": [moment],
            "Exemplars.Value": [1.5], "Exemplars.SpanId": ["1" * 16], "Exemplars.TraceId": [TRACE],
        }  # fmt: skip
    tables.insert(f"otel_metrics_{name}", {key: [value] for key, value in row.items()}, "")


def test_every_kind_is_read_as_it_was_sent(tables: Connections) -> None:
    """Value, kind, temporality, attributes of point and resource; a metric that comes later is seen."""
    reader = ClickHouseReader(Connections(tables.address))
    for name in COLUMNS:
        export(tables, name)
    for name, value in VALUES.items():
        ((latest,), cut) = reader.metric_latest(MetricQuery(WINDOW, f"m.{name}"))
        assert (latest.value, latest.time_unix_nano, cut) == (value, T0 + SECOND, False)
        assert latest.info.kind is MetricKind(name)
        assert latest.attributes["code"] == "500"
        assert latest.attributes["host.name"] == "h"
    names = {one.info.name: one.info for one in reader.metric_names(WINDOW)[0]}
    assert names["m.sum"].monotonic
    assert names["m.histogram"].temporality is Temporality.DELTA
    export(tables, "gauge", 2, Value=9.0)
    export(tables, "gauge", 2, Value=9.0)
    chart = reader.metric_chart(MetricQuery(WINDOW, "m.gauge", "count", columns=1))
    assert [value for _, value in chart.groups[0].points] == [2]
    reader.close()


def test_an_exemplar_of_the_second_in_which_a_window_begins_may_be_of_it(tables: Connections) -> None:
    """Where the exporter cuts times to whole seconds; with whole times it is told."""
    reader = ClickHouseReader(Connections(tables.address))
    export(tables, "sum")
    is_cut = int(tables.rows(
        f"SELECT count() FROM system.columns WHERE database = '{tables.address.database}' "  # ours
        "AND table = 'otel_metrics_sum' AND name = 'TimeUnix' AND type = 'DateTime'"
    )[0][0])  # fmt: skip
    begun = MetricQuery(Window(T0 + SECOND + SECOND // 2, T0 + 9 * SECOND), "m.sum")
    assert len(reader.metric_exemplars(begun)) == is_cut
    assert len(reader.metric_exemplars(replace(begun, window=Window.ALL))) == 1
    later = Window(T0 + 2 * SECOND, T0 + 9 * SECOND)
    assert reader.metric_exemplars(replace(begun, window=later)) == []
    reader.close()


def test_an_exemplar_leads_to_its_trace_and_an_ended_series_has_no_value(tables: Connections) -> None:
    reader = ClickHouseReader(Connections(tables.address))
    export(tables, "histogram")
    export(tables, "gauge", Flags=1)
    found, cut = reader.exemplars_of_trace(TraceId(TRACE))
    assert (sorted(one.info.name for one in found), cut) == (["m.gauge", "m.histogram"], False)
    assert reader.metric_latest(MetricQuery(WINDOW, "m.gauge"))[0] == []
    reader.close()
