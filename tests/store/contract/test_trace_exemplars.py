"""Reading the metrics that a trace is an exemplar of."""

from __future__ import annotations

import math

from signals.metrics import Distribution, MetricKind
from signals.model import TraceId
from store.api import Batch, ExemplarRow
from tests.store.build import SECOND, T0
from tests.store.build_metrics import point, series
from tests.store.house import House


def test_exemplars_of_a_trace(house: House) -> None:
    trace, span, other = (bytes(15) + b"\x01", bytes(7) + b"\x02", bytes(15) + b"\x03")
    seconds = series("m", MetricKind.HISTOGRAM, {"route": "/a"}, unit="s", service="front")
    orders = series("orders", MetricKind.SUM, service="back")
    value = Distribution(1, 1.0, None, None, (), ())
    mine = ExemplarRow(T0 + 2 * SECOND, 0.5, trace, span, {"who": "anna"})
    odd = ExemplarRow(T0 + SECOND, math.nan, trace, b"", {})
    rows = (
        point(seconds, 10, value, exemplars=(mine, ExemplarRow(T0, 1.0, other, span, {}))),
        point(orders, 10, 1, exemplars=(odd,)),
    )
    house.writer.write(Batch(metrics=rows))
    found, more = house.reader.exemplars_of_trace(TraceId(trace.hex()))
    assert [(each.info.name, each.service, each.exemplar.span_id) for each in found] == [
        ("orders", "back", None),
        ("m", "front", span.hex()),
    ]
    assert math.isnan(found[0].exemplar.value)
    assert (found[1].exemplar.value, found[1].info.unit) == (0.5, "s")
    assert (found[1].attributes, found[1].exemplar.attributes) == ({"route": "/a"}, {"who": "anna"})
    assert not more
    assert house.reader.exemplars_of_trace(TraceId(trace.hex()), limit=1) == (found[:1], True)
    assert house.reader.exemplars_of_trace(TraceId("f" * 32)) == ([], False)
