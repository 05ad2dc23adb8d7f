"""The check engine on canned answers: a broken link is named once, its dependents are not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import incidents
from incidents.checks import Outcome, Result, run
from tests.story.canned import BEGAN, GIVEN, LINE, TRACE, Story, before_repairs, log


def verified(story: Story, incident: str = "invalid-token") -> dict[str, Result]:
    results = run(before_repairs(incidents.load(incident)), GIVEN, story.ask)
    return {result.check.name: result for result in results}


def broken(results: dict[str, Result]) -> set[str]:
    return {name for name, result in results.items() if result.outcome is Outcome.BROKEN}


def unreached(results: dict[str, Result]) -> set[str]:
    return {name for name, result in results.items() if result.outcome is Outcome.NOT_REACHED}


def test_the_whole_story_holds_on_canned_answers() -> None:
    results = verified(Story())
    wrong = [result.detail for result in results.values() if result.outcome is not Outcome.HOLDS]
    assert not wrong, wrong[0]


def no_agent(story: Story) -> None:
    story.sessions = []


def no_server_timing(story: Story) -> None:
    story.events[2]["apm"] = None
    story.visit["checkout"]["server_timing"] = None


def no_payment(story: Story) -> None:
    gone = ("a2", "b2", "i2")
    story.spans = [one for one in story.spans if one["span_id"] not in gone]
    story.logs = story.logs[1:]


def logs_without_trace(story: Story) -> None:
    for one in story.logs:
        one["trace_id"] = one["span_id"] = ""


def good_token(story: Story) -> None:
    """As a shop does whose token was mended: the order succeeds, the stale address remains."""
    story.visit["checkout"] |= {"status": 200, "order_id": "o-1"}
    story.events[2] |= {"http_status": 200, "error": False}
    for one in story.spans:
        if one["span_id"] != "c1":
            one["error"] = "none"
        if one["span_id"] == "a2":
            one["attributes"] |= {"version": "v350.9", "grpc.status_code": "0"}
            one["status_message"] = ""
    story.logs = [log("paymentservice", "info", "Transaction processed", span_id="a2"), *story.logs[1:]]


def no_trace(story: Story) -> None:
    story.spans = []


def right_price(story: Story) -> None:
    story.visit["cart"]["total"] = "USD 128.73"
    story.events.pop(1)


def no_stale_address(story: Story) -> None:
    story.spans = [one for one in story.spans if one["span_id"] != "c1"]


def no_metrics(story: Story) -> None:
    del story.exemplars["hipstershop.charges"]


def no_exemplars(story: Story) -> None:
    story.exemplars["hipstershop.charges"] = []


def exemplars_of_others(story: Story) -> None:
    story.exemplars["hipstershop.charges"] = [{"trace_id": "cd" * 16, "span_id": "a9", "value": 1}]


def exemplar_of_another_span(story: Story) -> None:
    story.exemplars["hipstershop.charges"][0]["span_id"] = "b2"


@pytest.mark.parametrize(
    ("damage", "name", "text", "hanging"),
    [
        (
            no_metrics,
            "charge-exemplar",
            "saw 404 nothing at /api/v1/metrics/hipstershop.charges",
            "exemplar-span",
        ),
        (no_exemplars, "charge-exemplar", "(the number itself did arrive)", "exemplar-span"),
        (exemplars_of_others, "charge-exemplar", "(exemplars of other traces did arrive)", "exemplar-span"),
        (
            no_agent,
            "session",
            "expected a browser session with enduser.id verify-0123; saw no sessions",
            "log-line",
        ),
        (
            no_server_timing,
            "apm-link",
            "the shop's answer to the browser had no Server-Timing header",
            "trace",
        ),
        (no_payment, "services", "saw only 2 services", "charge-refused"),
        (logs_without_trace, "log-line", "the line did arrive, but without this trace id", "trace-logs"),
        (
            good_token,
            "charge-refused",
            'attributes.version = "v350.9" (is "v350.10" was expected)',
            "order-refused",
        ),
        (no_trace, "trace", f"saw 404 nothing at /api/v1/apm/traces/{TRACE}", "services"),
        (right_price, "javascript-error", "look at /rum/sessions/", "zero-total"),
        (no_stale_address, "retired-address", "none of 6 spans", "both-at-fault"),
    ],
)
def test_a_broken_link_is_named_and_what_hangs_on_it_is_not_reached(
    damage: Callable[[Story], None], name: str, text: str, hanging: str
) -> None:
    story = Story()
    damage(story)
    results = verified(story)
    assert broken(results) == {name}, f"broken are {sorted(broken(results))} instead of {name}"
    assert text in results[name].detail, results[name].detail
    assert "\n" not in results[name].detail, "one line per broken link"
    assert hanging in unreached(results), f"{hanging} depends on {name}, it is not broken by itself"


def test_an_exemplar_that_names_another_span_is_the_last_link() -> None:
    story = Story()
    exemplar_of_another_span(story)
    results = verified(story)
    assert broken(results) == {"exemplar-span"}
    assert "expected span b2 to be a refused Charge" in results["exemplar-span"].detail


def test_what_does_not_hang_on_a_break_still_holds() -> None:
    story = Story()
    no_server_timing(story)
    results = verified(story)
    for name in ("session", "javascript-error", "zero-total", "order-refused", "checkout-500"):
        assert results[name].outcome is Outcome.HOLDS, results[name].detail


def test_a_wrong_message_is_shown_beside_the_right_one() -> None:
    story = Story()
    story.logs[0]["body"] = "Payment failed"
    detail = verified(story)["log-line"].detail
    assert LINE in detail, detail
    assert '"Payment failed"' in detail, detail


def test_hostile_text_stays_on_one_line_and_short() -> None:
    story = Story()
    story.logs[0]["body"] = "\x1b[31m\n" + "x" * 100_000
    detail = verified(story)["log-line"].detail
    assert "\x1b" not in detail, "no control character may reach the terminal"
    assert "\n" not in detail
    assert len(detail) < 2_000, "a long value is cut"


def test_one_span_without_seat_is_found_among_many() -> None:
    story = Story()
    del story.spans[1]["attributes"]["enduser.id"]
    detail = verified(story)["seat-on-spans"].detail
    assert "1 of 6 spans: attributes.enduser.id = missing" in detail, detail


def test_of_two_checkout_posts_the_later_counts() -> None:
    story = Story()
    story.events.insert(0, {**story.events[2], "span_id": "e0", "start_unix_nano": BEGAN, "apm": None})
    results = verified(story)
    assert results["checkout-event"].kept["checkout_event"] == "e3"
    assert results["apm-link"].kept["trace_id"] == TRACE


def test_a_seat_is_quoted_in_an_address() -> None:
    story = Story()
    run(incidents.load("none").checks, {**GIVEN, "seat": "a b&c"}, story.ask)
    assert any("enduser.id:a%20b%26c" in path for path in story.asked), story.asked
