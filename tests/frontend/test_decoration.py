"""What only decorates a page costs nothing but itself; what a page needs fails at once, in plain words."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from selectolax.lexbor import LexborHTMLParser

from frontend.decoration import (
    ALLOWANCE_S,
    FAILURES_IN_A_ROW,
    NOT_ASKED,
    PAUSE_S,
    Allowance,
    Decoration,
)
from protos import hipstershop_pb2 as pb, hipstershop_pb2_grpc as rpc
from services.common.clients import Connection, Target, code_of, within
from services.common.telemetry import Identity, build
from services.common.telemetry.attributes import undeclared
from tests.frontend.fakes import GOOD_FORM, ORDER_ID, FakeShop, Refusal, attribute, fake_shop, text

AWAY = Refusal(grpc.StatusCode.UNAVAILABLE, "failed to connect")
SLOW = Refusal(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Bench:
    """A decoration on a clock of its own, with the spans that it made."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        processors = [SimpleSpanProcessor(self._exporter)]
        self.clock = Clock()
        telemetry = build(Identity("frontend"), span_processors=processors, stream=io.StringIO())
        self.decoration = Decoration("adservice", telemetry, self.clock)
        self.asked = 0
        self.failure: Refusal | None = None

    def load(self, allowance: Allowance | None = None) -> str:
        """One page's decoration: `there`, or empty where it is left out."""
        return self.decoration.load(self._ask, "", allowance or Allowance())

    def _ask(self) -> str:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return "there"

    def spans(self) -> list[ReadableSpan]:
        """The spans in place of calls that were not made."""
        return [span for span in self._exporter.get_finished_spans() if span.name == NOT_ASKED]


@pytest.fixture(name="bench")
def _bench() -> Bench:
    return Bench()


def test_a_dead_decoration_is_left_alone_and_tried_again(bench: Bench) -> None:
    """After three failures in a row one page in five seconds asks; every other has an error span instead."""
    bench.failure = AWAY
    assert [bench.load() for _ in range(FAILURES_IN_A_ROW + 2)] == [""] * (FAILURES_IN_A_ROW + 2)
    assert bench.asked == FAILURES_IN_A_ROW
    skipped = bench.spans()
    assert [span.status.status_code for span in skipped] == [StatusCode.ERROR] * 2
    assert "adservice was not asked" in str(skipped[0].status.description)
    assert not undeclared("span", skipped[0].attributes)

    bench.clock.now_s += PAUSE_S
    assert [bench.load(), bench.load()] == ["", ""]
    assert bench.asked == FAILURES_IN_A_ROW + 1

    bench.clock.now_s += PAUSE_S
    bench.failure = None
    assert [bench.load(), bench.load()] == ["there", "there"]
    bench.failure = AWAY
    bench.load()
    assert bench.asked == FAILURES_IN_A_ROW + 4


def test_a_decoration_whose_time_others_took_is_not_blamed(bench: Bench) -> None:
    spent = Allowance(0.0)
    bench.failure = SLOW
    for _ in range(FAILURES_IN_A_ROW * 2):
        assert bench.load(spent) == ""
    assert bench.asked == FAILURES_IN_A_ROW * 2


@pytest.fixture(name="hanging")
def _hanging() -> Iterator[str]:
    """The address of a socket that accepts connections and never says a word."""
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def test_calls_within_a_limit_end_with_it(hanging: str) -> None:
    """However many they are; an inner limit does not prolong an outer one."""
    telemetry = build(Identity("frontend"), stream=io.StringIO())
    connection = Connection(Target(hanging, "adservice"), telemetry)
    ads = connection.stub(rpc.AdServiceStub)
    codes = []
    try:
        with within(0.05), within(60):
            for _ in range(20):
                with pytest.raises(grpc.RpcError) as raised:
                    ads.GetAds(pb.AdRequest())
                codes.append(code_of(raised.value))
    finally:
        connection.close()
    assert set(codes) <= {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE}


def test_an_allowance_is_shared() -> None:
    allowance = Allowance()
    with allowance.spend(keep_s=0.06) as first_s:
        pass
    with allowance.spend() as second_s:
        pass
    assert first_s == pytest.approx(ALLOWANCE_S - 0.06)
    assert second_s <= ALLOWANCE_S


@pytest.mark.parametrize("failure", [AWAY, SLOW, Refusal(grpc.StatusCode.INTERNAL, "a bug")])
@pytest.mark.parametrize("call", ["GetAds", "ListRecommendations"])
def test_pages_go_without_what_decorates_them(fake: FakeShop, call: str, failure: Refusal) -> None:
    """Home, product, cart and order are whole but for it."""
    fake.fill_cart()
    fake.world.failing[call] = failure
    for path in ("/", "/product/OLJCESPC7Z", "/cart"):
        page = fake.get(path)
        assert not page.css(".ad" if call == "GetAds" else ".also"), path
    assert text(fake.get("/cart"), "noscript").endswith("USD 1061.21")
    ordered = fake.client.post("/cart/checkout", data=GOOD_FORM)
    assert ordered.status_code == 200
    assert text(LexborHTMLParser(ordered.text), "#order-id") == ORDER_ID
    assert "goes without" in fake.log.getvalue()


def test_a_suggestion_that_the_catalogue_lost_costs_only_itself(fake: FakeShop) -> None:
    lost = fake.world.products.pop()
    fake.world.failing.clear()
    answer = fake.world.answer

    def suggest(name: str, request: object) -> object:
        if name == "ListRecommendations":
            return pb.ListRecommendationsResponse(product_ids=[lost.id, fake.world.products[1].id])
        return answer(name, request)

    fake.world.answer = suggest  # type: ignore[method-assign]
    page = fake.get("/product/OLJCESPC7Z")
    assert len(page.css(".also .card")) == 1


@pytest.mark.parametrize(
    ("code", "details", "words", "charged"),
    [
        ("UNAVAILABLE", "failed to connect", "the checkout could not be reached", "look into your cart"),
        ("DEADLINE_EXCEEDED", "x", "the checkout did not answer in time", "look into your cart"),
        (
            "UNAVAILABLE",
            "shipping quote failure: rpc error: code = DeadlineExceeded desc = Deadline Exceeded",
            "the shipping office did not answer in time",
            "nothing was charged",
        ),
        (
            "UNAVAILABLE",
            "cart failure: rpc error: code = Unavailable desc = away",
            "the cart could not be reached",
            "nothing was charged",
        ),
        (
            "UNAVAILABLE",
            "shipping error: rpc error: code = Unavailable desc = away",
            "the shipping office could not be reached",
            "look into your cart",
        ),
        (
            "INTERNAL",
            "failed to charge card: could not charge the card: rpc error: code = Code(401) desc = no",
            "the payment answered with an error",
            "nothing was charged",
        ),
    ],
)
def test_the_step_of_an_order_that_failed_is_named(
    fake: FakeShop, code: str, details: str, words: str, charged: str
) -> None:
    """Not the checkout that reports it; up to the charge nothing was taken."""
    fake.world.failing["PlaceOrder"] = Refusal(grpc.StatusCode[code], details)
    page = LexborHTMLParser(fake.client.post("/cart/checkout", data=GOOD_FORM).text)

    assert words in text(page, ".lead")
    assert charged in text(page, "main")


@pytest.mark.parametrize(
    ("path", "call", "failure", "words"),
    [
        ("/", "ListProducts", SLOW, "the catalogue of products did not answer in time"),
        ("/product/OLJCESPC7Z", "GetProduct", AWAY, "the catalogue of products could not be reached"),
        ("/cart", "GetCart", SLOW, "the cart did not answer in time"),
        ("/cart", "GetQuote", AWAY, "the shipping office could not be reached"),
        ("/", "Convert", Refusal(grpc.StatusCode.INTERNAL, "x"), "currencies answered with an error"),
    ],
)
def test_what_a_page_needs_is_named_in_plain_words(
    tmp_path: Path, path: str, call: str, failure: Refusal, words: str
) -> None:
    """With a way back to the lesson where the shop knows one."""
    fake = fake_shop(tmp_path, OBSERVER_URL="http://127.0.0.1:8090")
    fake.fill_cart()
    fake.world.failing[call] = failure
    answer = fake.client.get(path)
    page = LexborHTMLParser(answer.text)

    assert answer.status_code == 500
    assert words in text(page, ".lead")
    [back] = [link for link in page.css(".actions a") if link.text() == "Back to the lesson"]
    assert back.attributes["href"] == attribute(page, ".lesson-link", "href")
