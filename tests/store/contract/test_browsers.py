"""Reading sessions and RUM metrics."""

from __future__ import annotations

from dataclasses import replace

import pytest

from signals.model import Attributes, SessionId, Span, TraceId
from store.api import BadQuery, Presence, RumMetric, SessionQuery, SessionSort, SpanRow, Window
from tests.helpers import eventually
from tests.store.build import MS, T0, row, span
from tests.store.house import House

AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)


def event(
    number: int, name: str, session: str = "s1", *, at_ms: float = 0, ms: float = 0, **attributes: str
) -> Span:
    """A browser's span as the agent would send it: every value is text."""
    common: Attributes = {
        "splunk.rumSessionId": session,
        "app": "foreign",
        "environment": "lab",
        "location.href": "http://shop/product/OLJCESPC7Z",
        "user_agent.original": AGENT,
    }
    own = {name.replace("__", "."): value for name, value in attributes.items()}
    return span(
        number,
        service="",
        name=name,
        start_ms=at_ms,
        ms=ms,
        browser=True,
        session=session,
        attributes={**common, **own},
        trace_id=TraceId(f"{number:032x}"),
    )


def fill(house: House) -> None:
    document = event(2, "documentFetch", at_ms=1, ms=30, http__url="http://shop/", http__status_code="200")
    rows = [
        row(event(1, "documentLoad", ms=400, enduser__id="anna")),
        row(document, {"fetchStart": T0 + MS, "responseStart": T0 + 21 * MS}),
        row(
            event(3, "onerror", at_ms=500, error="true", error__object="TypeError", error__message="no price")
        ),
        row(
            event(4, "onerror", at_ms=600, error="true", error__object="TypeError", error__message="no price")
        ),
        row(
            event(
                5,
                "HTTP POST",
                at_ms=700,
                ms=50,
                component="fetch",
                http__method="POST",
                http__url="http://shop/cart/checkout",
                http__status_code="500",
                link__traceId="ab" * 16,
                link__spanId="cd" * 8,
            )
        ),
        row(event(6, "webvitals", at_ms=800, lcp="512")),
        row(event(7, "webvitals", at_ms=801, cls="0.25")),
        row(
            event(
                8,
                "AddToCart",
                "s2",
                at_ms=900,
                plan="b",
                enduser__id="ben",
                user_agent__synthetic__type="test",
            )
        ),
    ]
    house.write(rows)
    house.until(lambda: house.reader.session(SessionId("s2")), "the second session")


def test_a_session_is_summed_up(house: House) -> None:
    fill(house)
    session = house.reader.session(SessionId("s1"))
    assert session is not None
    assert (session.app, session.environment, session.events) == ("foreign", "lab", 7)
    assert (session.page_views, session.errors, session.network_errors) == (1, 2, 1)
    assert (session.start_unix_nano, session.duration_ns) == (T0, 801 * MS)
    assert session.attributes["enduser.id"] == "anna"
    assert session.attributes["browser.name"] == "Chrome"
    assert [one.name for one in house.reader.spans_of_session(SessionId("s1"))][:2] == [
        "documentLoad",
        "documentFetch",
    ]
    assert house.reader.locate_session(SessionId("s1")) is Presence.PRESENT
    assert house.reader.locate_session(SessionId("s9")) is Presence.NEVER_SEEN


def test_a_session_belongs_to_its_first_user(house: House) -> None:
    """Who signs in later in the same session changes nothing of it; other tags keep their newest value."""

    def user() -> tuple[str, str, int]:
        session = house.reader.session(SessionId("s1"))
        return (
            ("", "", 0)
            if session is None
            else (session.attributes["enduser.id"], session.attributes["tenant.level"], session.events)
        )

    def found(name: str) -> list[str]:
        query = SessionQuery(house.window, {"enduser.id": name})
        return [one.session_id for one in house.reader.find_sessions(query).items]

    def seen(number: int, name: str, level: str, at_ms: float) -> SpanRow:
        return row(event(number, "click", at_ms=at_ms, enduser__id=name, tenant__level=level))

    house.write([seen(1, "anna", "gold", 100), seen(2, "bert", "silver", 200)])
    house.until(lambda: user() == ("anna", "silver", 2), "the first of a batch stays")
    house.write([seen(3, "cleo", "bronze", 300), row(event(4, "click", at_ms=310))])
    house.until(lambda: user() == ("anna", "bronze", 4), "the first of all batches stays")
    assert (found("anna"), found("bert"), found("cleo")) == (["s1"], [], [])
    house.write([seen(5, "dora", "gold", 50)])
    house.until(lambda: user() == ("dora", "bronze", 5), "an earlier event that came late corrects it")
    assert (found("dora"), found("anna")) == (["s1"], [])
    without = SessionQuery(house.window, excluded={"enduser.id": "anna"})
    assert len(house.reader.find_sessions(without).items) == 1


@pytest.mark.parametrize(
    ("conditions", "sessions"),
    [
        ({}, ["s2", "s1"]),
        ({"sort": "longest"}, ["s1", "s2"]),
        ({"sort": "errors"}, ["s1", "s2"]),
        ({"sort": "oldest"}, ["s1", "s2"]),
        ({"sort": "shortest"}, ["s2", "s1"]),
        ({"sort": "pages"}, ["s1", "s2"]),
        ({"sort": "network_errors"}, ["s1", "s2"]),
        ({"attributes": {"enduser.id": "anna"}}, ["s1"]),
        ({"attributes": {"enduser.id": "nobody"}}, []),
        ({"attributes": {"plan": "b"}}, ["s2"]),
        ({"attributes": {"http.status_code": "500"}}, ["s1"]),
        ({"excluded": {"user_agent.synthetic.type": "test"}}, ["s1"]),
        ({"excluded": {"plan": "b"}}, ["s1"]),
    ],
)
def test_sessions_are_found_by(house: House, conditions: dict[str, object], sessions: list[str]) -> None:
    fill(house)
    query = SessionQuery(house.window, **conditions)  # type: ignore[arg-type]  # the table names them
    assert [one.session_id for one in house.reader.find_sessions(query).items] == sessions


@pytest.mark.parametrize(
    ("sort", "sessions"), [("newest", ["s2", "s1"]), ("oldest", ["s1", "s2"]), ("shortest", ["s2", "s1"])]
)
def test_pages_of_sessions(house: House, sort: SessionSort, sessions: list[str]) -> None:
    fill(house)
    asked = SessionQuery(house.window, sort=sort, limit=1)
    first = house.reader.find_sessions(asked)
    second = house.reader.find_sessions(replace(asked, cursor=first.next_cursor))
    assert [one.session_id for one in (*first.items, *second.items)] == sessions
    assert second.next_cursor is None


def test_rum_metrics(house: House) -> None:
    fill(house)
    measures = house.reader.rum_measures(house.window)
    counts = {name: (one.requests, one.errors) for name, one in measures.items()}
    assert counts == {
        "page_views": (1, 0),
        "page_load": (1, 0),
        "js_errors": (2, 2),
        "network_requests": (2, 1),
        "network_errors": (1, 1),
        "ttfb": (1, 0),
        "lcp": (1, 0),
        "cls": (1, 0),
        "custom_events": (1, 0),
    }
    assert measures["ttfb"].latency.p50_ns == pytest.approx(20 * MS, rel=0.05)
    assert measures["cls"].latency.p75_ns == pytest.approx(0.25e9, rel=0.05)
    assert house.reader.rum_apps(house.window) == [("foreign", "lab")]


@pytest.mark.parametrize(
    ("metric", "tag", "where", "values"),
    [
        ("js_errors", "page", {}, {"/product/<??>": 2}),
        ("network_requests", "operation", {}, {"GET /": 1, "POST /cart/checkout": 1}),
        ("network_requests", "operation", {"http.status_code": "500"}, {"POST /cart/checkout": 1}),
        ("page_views", "enduser.id", {}, {"anna": 1}),
        ("js_errors", "enduser.id", {}, {"": 2}),
        ("custom_events", "plan", {}, {"b": 1}),
        ("custom_events", "enduser.id", {"plan": "b"}, {"ben": 1}),
        ("custom_events", "enduser.id", {"app": "other"}, {}),
    ],
)
def test_rum_breakdowns(
    house: House, metric: RumMetric, tag: str, where: dict[str, str], values: dict[str, int]
) -> None:
    fill(house)
    found = house.reader.rum_breakdowns(metric, (tag,), house.window, where)[tag]
    assert {one.value: one.measure.requests for one in found.values} == values


@pytest.mark.parametrize(
    ("synthetic", "counted"),
    [("", {"page_views": 1}), ("test", {"page_views": 2}), ("crawler", {"page_views": 3})],
)
@pytest.mark.parametrize("environment", [None, "lab", "elsewhere"])
def test_people_and_synthetic_traffic_are_counted_apart(
    house: House, synthetic: str, counted: dict[str, int], environment: str | None
) -> None:
    """From sums and row by row alike, alone and within an environment."""
    number = 0
    for kind, many in (("", 1), ("test", 2), ("crawler", 3)):
        for _ in range(many):
            number += 1
            visit = event(
                number,
                "documentLoad",
                f"s{number}",
                at_ms=number * 11_000,
                user_agent__synthetic__type=kind,
            )
            house.write([row(visit)])
    house.until(lambda: house.reader.session(SessionId("s6")), "the last session")
    where = {"user_agent.synthetic.type": synthetic, **({"environment": environment} if environment else {})}
    for window in (Window(0, 2**62), Window(T0 + 1, T0 + 66_000 * MS + 1)):
        found = house.reader.rum_measures(window, where)
        views = {name: one.requests for name, one in found.items() if name == "page_views"}
        assert views == ({} if environment == "elsewhere" else counted)
        points = house.reader.rum_series("page_views", window, 7, where)
        assert sum(point.measure.requests for point in points) == sum(views.values())


def test_rum_series_and_bad_names(house: House) -> None:
    fill(house)
    points = house.reader.rum_series("js_errors", house.window, 4)
    assert [point.measure.requests for point in points] == [0, 0, 2, 0]
    with pytest.raises(BadQuery, match="metric"):
        house.reader.rum_series("nonsense", house.window, 4)  # type: ignore[arg-type]  # on purpose


def test_errors_are_grouped(house: House) -> None:
    fill(house)
    (group,), cut = house.reader.rum_errors(house.window)
    assert not cut
    assert (group.type, group.message, group.count, group.sessions) == ("TypeError", "no price", 2, 1)
    assert group.example_session_id == "s1"


def test_a_file_that_did_not_load_is_one_error_whatever_its_address_asked_for(house: House) -> None:
    """An address that breaks the cache differs each time; the file does not."""
    house.write(
        [
            row(
                event(
                    number,
                    "eventListener.error",
                    component="error",
                    error__type="error",
                    error__message=f'Failed to load <img src="http://shop/gone.png?v={number}"/>',
                )
            )
            for number in (1, 2)
        ]
    )
    house.until(lambda: house.reader.rum_measures(house.window).get("js_errors"), "errors are measured")
    (group,), _ = house.reader.rum_errors(house.window)
    assert (group.type, group.count) == ("load", 2)
    assert group.message == 'Failed to load <img src="http://shop/gone.png"/>'


def test_events_of_one_millisecond_stay_in_the_order_of_their_sending(house: House) -> None:
    """A line on the console stands before the error that it announces, whatever their ids."""
    house.write([row(event(number, name)) for number, name in ((9, "console.error"), (8, "onerror"))])
    names = [span.name for span in house.reader.spans_of_session(SessionId("s1"))]
    assert names == ["console.error", "onerror"]


def test_the_link_leads_back_from_the_trace_to_the_browser(house: House) -> None:
    fill(house)
    link = house.reader.browser_of_trace(TraceId("ab" * 16))
    assert link is not None
    assert (link.session_id, link.span_id) == ("s1", event(5, "").span_id)
    assert house.reader.browser_of_trace(TraceId("ef" * 16)) is None


def test_browser_spans_that_are_sent_again_count_once(house: House) -> None:
    house.write([event(1, "documentLoad", ms=400)])
    house.write([event(1, "documentLoad", ms=400), event(2, "documentLoad", at_ms=5, ms=300)])

    def counted() -> int:
        session = house.reader.session(SessionId("s1"))
        return session.page_views if session else 0

    house.until(lambda: counted() >= 2, "both documents counted")
    assert counted() == 2
    assert house.reader.rum_measures(house.window)["page_views"].requests == 2


def test_long_windows_and_several_breakdowns_agree_with_single_ones(house: House) -> None:
    fill(house)
    house.until(lambda: house.reader.rum_measures(house.window).get("js_errors"), "errors are measured")
    together = house.reader.rum_breakdowns("page_views", ("page", "browser.name"), house.window)
    assert together["page"] == house.reader.rum_breakdowns("page_views", ("page",), house.window)["page"]
    assert [one.value for one in together["browser.name"].values] == ["Chrome"]
    assert not together["page"].truncated
    tags = ("page", "browser.name", "enduser.id", "app.version", "device.type", "environment", "os.name")
    for metric in ("page_views", "js_errors"):
        many = house.reader.rum_breakdowns(metric, tags, house.window)
        assert many == {tag: house.reader.rum_breakdowns(metric, (tag,), house.window)[tag] for tag in tags}


def test_a_session_is_found_by_the_end_of_its_id(house: House) -> None:
    for number, name in enumerate(("aa-Long-Ending", "bb-long-ending", "other")):
        house.write([span(number + 1, name="click", browser=True, session=name)])
    eventually(lambda: house.reader.session(SessionId("other")), "the last session")
    assert set(house.reader.sessions_ending("LONG-ending")) == {"aa-Long-Ending", "bb-long-ending"}
    assert house.reader.sessions_ending("%") == []
    assert house.reader.sessions_ending("") == []
