"""One sender's metric with 20,000 series: it is refused by its name, and nobody else loses anything."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

import store
from lab.commands.status import telemetry_lines, telemetry_of
from observer.lookup.telemetry_state import read
from store.api import MetricQuery, Window
from tests.collector import build
from tests.collector.test_process import Place

_SERIES = 20_000
_KEPT = 2_000
"""`STORE_MAX_SERIES_OF_METRIC` where nothing else is said."""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    process = place.start()
    yield place
    process.terminate()
    process.wait(10)


def _gauge(name: str, series: int, service: str) -> bytes:
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    resource.resource.attributes.append(build.pair("service.name", service))
    metric = resource.scope_metrics.add().metrics.add(name=name)
    now = time.time_ns()
    for number in range(series):
        point = metric.gauge.data_points.add(time_unix_nano=now, as_int=number)
        point.attributes.append(build.pair("user.id", f"user {number}"))
    return request.SerializeToString()


def _send(place: Place, body: bytes) -> ExportMetricsServiceResponse:
    answer = requests.post(f"{place.url}/v1/metrics", data=body, headers=build.PROTOBUF, timeout=30)
    assert answer.status_code == 200
    return ExportMetricsServiceResponse.FromString(answer.content)


def test_a_metric_of_20000_series_is_told_by_name_and_harms_nobody(place: Place) -> None:
    """Its sender, the status and the screens name it; metrics of others, their new series too, are kept."""
    assert not _send(place, _gauge("steady", 3, "shop")).partial_success.rejected_data_points
    told = _send(place, _gauge("exploding", _SERIES, "foreign")).partial_success
    assert told.rejected_data_points == _SERIES - _KEPT
    assert "metric 'exploding' has 2,000 series" in told.error_message
    for _ in range(2):
        assert not _send(place, _gauge("steady", 3, "shop")).partial_success.rejected_data_points
        assert not _send(place, _gauge("new", 50, "shop")).partial_success.rejected_data_points
    stats = requests.get(f"{place.url}/stats", timeout=5).json()
    (now,) = read(stats).now
    assert now.words == "too many series of metric 'exploding'"
    assert now.message.startswith("Metric 'exploding' has 2,000 series, the most that are kept of one: leave")
    assert now.counts == {"metric_points": _SERIES - _KEPT}
    assert stats["store"]["writing"]
    (line,) = (line for line in telemetry_lines(telemetry_of(place.url)) if line)
    assert "too many series of metric 'exploding'; 18,000 metric points so far." in line
    reader = store.open_reader(place.store_path)
    names = {each.info.name: each for each in reader.metric_names(Window.ALL)[0]}
    assert (names["exploding"].series, names["exploding"].folded) == (_KEPT, _SERIES - _KEPT)
    assert (names["steady"].series, names["new"].series) == (3, 50)
    now_ns = time.time_ns()
    asked = MetricQuery(Window(now_ns - 60 * 10**9, now_ns + 10**9), "steady", "count", columns=1)
    assert reader.metric_chart(asked).groups[0].points[0][1] == 9
    reader.close()


def test_each_metric_that_explodes_is_told_by_name(place: Place) -> None:
    for name in ("one", "two"):
        _send(place, _gauge(name, _KEPT + 5, "foreign"))
    stats = requests.get(f"{place.url}/stats", timeout=5).json()
    assert [each.words for each in read(stats).now] == [
        "too many series of metric 'two'",
        "too many series of metric 'one'",
    ]
