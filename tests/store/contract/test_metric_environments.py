"""Metrics of one deployment environment."""

from __future__ import annotations

from store.api import Batch, ExemplarRow, MetricQuery, Window
from tests.store.build import SECOND, T0
from tests.store.build_metrics import point, series
from tests.store.house import House

WINDOW = Window(T0, T0 + 60 * SECOND)


def test_questions_are_narrowed_by_environment(house: House) -> None:
    """Under any of its names, of the point before the resource; numbers, services and times are its own."""
    own = series("m", attributes={"environment": "prod"}, service="own", resource={"environment": "dev"})
    trace = ExemplarRow(T0 + 9 * SECOND, 2.0, bytes(16), bytes(8), {})
    rows = [
        point(series("m", service="a", resource={"deployment.environment.name": "prod"}), 1, 1),
        point(series("m", service="b", resource={"deployment.environment": "dev"}), 50, 5),
        point(series("m", service="c"), 3, 3),
        point(own, 9, 3, exemplars=(trace,)),
        point(series("other", resource={"environment": "dev"}), 2, 1),
    ]
    house.writer.write(Batch(metrics=rows))
    (name,), more = house.reader.metric_names(WINDOW, environment="prod")
    assert (name.info.name, name.series, name.services, more) == ("m", 2, ("a", "own"), False)
    assert (name.first_unix_nano, name.last_unix_nano) == (T0 + SECOND, T0 + 9 * SECOND)
    names, _ = house.reader.metric_names(WINDOW, environment="dev")
    assert [each.info.name for each in names] == ["m", "other"]
    assert house.reader.metric_names(WINDOW, "b", environment="prod") == ([], False)
    assert house.reader.metric_names(WINDOW, environment="")[0][0].services == ("c",)
    asked = MetricQuery(WINDOW, "m", columns=1, environment="prod")
    assert house.reader.metric_chart(asked).groups[0].points[0][1] == 2.0
    assert len(house.reader.metric_exemplars(asked)) == 1
    assert house.reader.metric_exemplars(MetricQuery(WINDOW, "m", environment="dev")) == []
    assert [each.value for each in house.reader.metric_latest(asked)[0]] == [1, 3]
    services = dict(house.reader.metric_attributes("m", WINDOW, environment="prod"))["service.name"]
    assert sorted(services) == [("a", 1), ("own", 1)]
