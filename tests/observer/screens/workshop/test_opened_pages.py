"""Which page a step leads to, and which opened page is that one. Pure."""

from __future__ import annotations

from dataclasses import replace

import pytest

import incidents
from observer.screens.workshop.opened_pages import fits, leads_to

SEAT, SESSION, TRACE, EVENT = "anna", "5e55", "a1" * 16, "feed"
OTHER = "0b" * 16
IDS = {"session_id": [SESSION], "trace_id": [TRACE], "checkout_event": [EVENT]}
STEP = incidents.load("invalid-token").steps[1]


class Own:
    """The seat owns one more session and one more trace of the same request."""

    def has_session(self, session_id: str) -> bool:
        return session_id == "mine"

    def has_trace(self, trace_id: str) -> bool:
        return trace_id == "older"


def opened(screen: str, path: str, *arguments: tuple[str, str]) -> bool:
    """Whether this address is the page of a step that leads to `screen`."""
    captures = leads_to(replace(STEP, screen=screen), path, arguments)
    return captures is not None and fits(captures, SEAT, IDS, Own())


SESSIONS = "/rum/sessions?attr=enduser.id:{seat}"
ONE = "/rum/sessions/{session_id}"
DIALOG = "/rum/sessions/{session_id}/apm/{checkout_event}"
OF_TRACE = "/apm/traces/{trace_id}"
LOGS = "/logs?trace_id={trace_id}"
TAGS = "/apm/tags?service=paymentservice&tag=version"


@pytest.mark.parametrize(
    ("screen", "path", "arguments", "expected"),
    [
        (SESSIONS, "/rum/sessions", [("attr", "enduser.id:anna")], True),
        (SESSIONS, "/rum/sessions", [("since", "1h"), ("attr", "x:y"), ("attr", "enduser.id:anna")], True),
        # The list of a seat shows its own first.
        (SESSIONS, "/rum/sessions", [], True),
        (SESSIONS, "/rum/sessions", [("attr", "enduser.id:ben")], False),
        (SESSIONS, "/rum/sessions/5e55", [], False),
        (ONE, "/rum/sessions/5e55", [("event", "feed")], True),
        (ONE, "/rum/sessions/mine", [], True),
        (ONE, "/rum/sessions/of-ben", [], False),
        (ONE, "/rum/sessions/5e55/apm/feed", [], False),
        (DIALOG, "/rum/sessions/5e55/apm/feed", [], True),
        (DIALOG, "/rum/sessions/mine/apm/c0de", [], True),
        (DIALOG, "/rum/sessions/of-ben/apm/feed", [], False),
        (OF_TRACE, f"/apm/traces/{TRACE}", [("span", "1")], True),
        (OF_TRACE, "/apm/traces/older", [], True),
        (OF_TRACE, f"/apm/traces/{OTHER}", [], False),
        (OF_TRACE, f"/apm/traces/{TRACE}/updates", [], False),
        (LOGS, "/logs", [("trace_id", TRACE), ("severity", "error")], True),
        (LOGS, "/logs", [("trace_id", "older")], True),
        (LOGS, "/logs", [("trace_id", OTHER)], False),
        (LOGS, "/logs", [], False),
        (TAGS, "/apm/tags", [("service", "paymentservice")], True),
        (TAGS, "/apm/tags", [("service", "frontend"), ("tag", "version")], False),
        ("{shop}/?seat={seat}", "/", [("seat", "anna")], False),
    ],
)
def test_the_path_and_what_names_something_decide(
    screen: str, path: str, arguments: list[tuple[str, str]], *, expected: bool
) -> None:
    """How a page is shown does not count, nor does the order of the lesson."""
    assert opened(screen, path, *arguments) is expected


def test_a_pattern_in_an_id_stands_for_itself() -> None:
    """Ids come from outside: they are compared, never interpreted."""
    assert not opened(ONE, "/rum/sessions/.*")
    assert not opened("/apm/traces/a+b", "/apm/traces/aab")
    assert opened("/apm/traces/a+b", "/apm/traces/a+b")


@pytest.mark.parametrize("name", incidents.names())
def test_the_page_of_every_step_is_recognized(name: str) -> None:
    """For each step of each incident the address that the lesson links to, with its ids filled in."""
    for step in incidents.load(name).steps:
        if step.screen.startswith("{shop}"):
            continue
        filled = step.screen.replace("{seat}", SEAT)
        ids: dict[str, list[str]] = {}
        for word in (
            "session_id",
            "trace_id",
            "checkout_event",
            "mended_trace",
            "paid_trace",
            "mended_event",
        ):
            filled = filled.replace(f"{{{word}}}", f"id-of-{word}")
            ids[word] = [f"id-of-{word}"]
        path, _, query = filled.partition("?")
        if "{" in filled:
            continue  # An id that only this incident has; its place is tried above.
        arguments = [tuple(pair.split("=", 1)) for pair in query.split("&") if pair]
        captures = leads_to(step, path, arguments)  # type: ignore[arg-type]  # pairs, by construction

        assert captures is not None, step.screen
        assert fits(captures, SEAT, ids, Own()), step.screen
