"""What the storefront measures of its requests: by route, with an exemplar, bounded whatever is asked for."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from runtime.wsgi import Limits, WsgiServer
from tests.frontend.fakes import CHARGE_REFUSED, GOOD_FORM, FakeShop, Refusal
from tests.helpers import eventually
from tests.metric_points import Point, points_of, problems_of

DURATION = "http.server.request.duration"


def durations(fake: FakeShop) -> list[Point]:
    """The points of the requests' durations."""
    return [point for point in points_of(fake.metrics) if point.name == DURATION]


@pytest.mark.parametrize(
    ("method", "path", "wanted"),
    [
        ("GET", "/", {"http.route": "/", "http.response.status_code": 200}),
        ("GET", "/product/X?seat=anna", {"http.route": "/product/{product_id}"}),
        ("POST", "/cart", {"http.route": "/cart"}),
        ("GET", "/nowhere", {"http.response.status_code": 404}),
        ("BREW", "/", {"http.request.method": "_OTHER", "http.response.status_code": 405}),
    ],
)
def test_a_request_is_measured_by_its_route_and_leads_to_its_trace(
    fake: FakeShop, method: str, path: str, wanted: dict[str, object]
) -> None:
    fake.client.open(path, method=method)
    (point,) = durations(fake)
    assert wanted.items() <= point.attributes.items()
    assert point.attributes["url.scheme"] == "http"
    assert ("http.route" in point.attributes) == ("http.route" in wanted)
    assert (point.value, point.unit, point.kind) == (1, "s", "histogram")
    assert not problems_of(point)
    (exemplar,) = point.exemplars
    (span,) = fake.spans.get_finished_spans()
    assert (exemplar.trace_id, exemplar.span_id) == (span.context.trace_id, span.context.span_id)


def test_only_a_failure_of_ours_is_an_error(fake: FakeShop) -> None:
    fake.client.post("/cart/checkout", data={})
    fake.world.failing["ListProducts"] = Refusal(grpc.StatusCode.UNAVAILABLE, "away")
    fake.client.get("/")
    errors = {point.attributes["http.route"]: point.attributes.get("error.type") for point in durations(fake)}
    failed = errors.pop("/")
    assert failed is not None
    assert failed.startswith("5")
    assert set(errors.values()) == {None}


def test_what_has_no_span_is_not_measured(fake: FakeShop) -> None:
    for path in ("/static/shop.css", "/static/none.css", "/_healthz", "/_flags"):
        fake.client.get(path)
    fake.client.post("/v1/rum", data="[]")
    assert durations(fake) == []


def test_a_thousand_odd_requests_make_no_further_series(fake: FakeShop) -> None:
    fake.world.failing["PlaceOrder"] = CHARGE_REFUSED

    def ask(number: int) -> None:
        odd = f"odd-{number}%00%e2%80%ae"
        headers = {"Host": f"odd{number}.example", "User-Agent": odd, "X-Forwarded-Proto": odd}
        method, path = [
            ("GET", f"/{odd}/{odd}"),
            ("GET", f"/product/{odd}?{odd}={odd}"),
            (f"ODD{number}", "/"),
            (f"ODD{number}", f"/{odd}"),
            ("POST", f"/cart/checkout?seat={odd}"),
            ("POST", f"/setCurrency?seat=s{number}"),
        ][number % 6]
        form = {**GOOD_FORM, "currency_code": odd} if method == "POST" else None
        fake.client.open(path, method=method, headers=headers, data=form)

    def series() -> set[object]:
        return {point.series() for point in points_of(fake.metrics)}

    for number in range(12):
        ask(number)
    known = series()
    for number in range(12, 1012):
        ask(number)
    assert series() == known
    assert not [text for text in map(str, known) if "odd" in text.lower()]


def test_everything_that_is_measured_is_declared(fake: FakeShop) -> None:
    fake.fill_cart()
    fake.client.post("/cart/checkout", data=GOOD_FORM)
    points = points_of(fake.metrics)
    assert {point.name for point in points} >= {DURATION, "process.cpu.time", "cpython.gc.collections"}
    assert not [line for point in points for line in problems_of(point)]


def test_a_full_server_says_how_many_wait(tmp_path: Path) -> None:
    import threading

    import urllib3

    release = threading.Event()

    def slow(_environ: object, start_response: object) -> list[bytes]:
        release.wait(10)
        start_response("200 OK", [("Content-Length", "0")])  # type: ignore[operator]
        return [b""]

    server = WsgiServer(slow, "127.0.0.1", 0, Limits(threads=2))
    eventually(lambda: server.occupancy() == (0, 2, 0), "every thread is idle")
    server.start()
    url = f"http://127.0.0.1:{server.port}/"
    pool = urllib3.PoolManager(maxsize=5)
    callers = [threading.Thread(target=pool.request, args=("GET", url), daemon=True) for _ in range(5)]
    try:
        for caller in callers:
            caller.start()
        eventually(lambda: server.occupancy() == (2, 2, 3), "two are served, three wait")
    finally:
        release.set()
        for caller in callers:
            caller.join(5)
        server.stop()
