"""Where an id leads: browser events to their session, logs to themselves, half-known ids to an answer."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from signals.model import SessionId, Span
from tests.fixtures import seed
from tests.fixtures.html import one, text
from tests.fixtures.scene import observing
from tests.fixtures.world import World
from tests.observer.screens import Screens

LOGGED_TRACE = "1095a10e00000000000000000000dead"


def led_to(screens: Screens, wanted: str, more: str = "") -> str:
    answer = screens.client.get(f"/search?{more}", query_string={"q": wanted} if not more else None)
    assert answer.status_code == 303, f"{wanted} leads nowhere"
    return str(answer.headers["Location"])


def browser_spans(screens: Screens) -> dict[str, Span]:
    return {span.name: span for span in screens.reader.spans_of_session(SessionId(seed.SESSION))}


@pytest.mark.parametrize("name", ["onerror", "console.error", "documentLoad", "documentFetch", "click"])
def test_a_browsers_span_leads_to_its_event_in_the_session(screens: Screens, name: str) -> None:
    """It used to lead to a trace of no spans in 1970."""
    span = browser_spans(screens)[name]
    assert led_to(screens, span.span_id) == f"/rum/sessions/{seed.SESSION}?event={span.span_id}"


def test_a_browsers_fetch_shares_its_trace_and_still_leads_to_its_event(screens: Screens) -> None:
    assert led_to(screens, seed.CHECKOUT_EVENT) == f"/rum/sessions/{seed.SESSION}?event={seed.CHECKOUT_EVENT}"


def test_a_trace_of_the_browser_alone_leads_to_its_first_event(screens: Screens) -> None:
    load = browser_spans(screens)["documentLoad"]
    wanted = f"/rum/sessions/{seed.SESSION}?event={load.span_id}"
    assert led_to(screens, load.trace_id) == wanted
    assert led_to(screens, load.trace_id[-16:]) == wanted


@pytest.mark.parametrize(
    ("written", "leads_to"),
    [
        (f"0x{seed.TRACE}", f"/apm/traces/{seed.TRACE}"),
        (f'"{seed.TRACE}"', f"/apm/traces/{seed.TRACE}"),
        (f"'{seed.CHARGE_SPAN}',", f"/apm/traces/{seed.TRACE}?span={seed.CHARGE_SPAN}"),
        (f"<{seed.SESSION.upper()}>", f"/rum/sessions/{seed.SESSION}"),
        (seed.SESSION[-24:], f"/rum/sessions/{seed.SESSION}"),
    ],
)
def test_ids_are_found_however_they_were_copied(screens: Screens, written: str, leads_to: str) -> None:
    assert led_to(screens, written) == leads_to


def test_a_log_is_found_by_its_id_within_a_range_that_shows_it(screens: Screens) -> None:
    page = screens.page(f"/logs?trace_id={seed.TRACE}&severity=error")
    log_id = (one(page, "table.logs-table tbody tr:first-child").attributes["id"] or "").rpartition("-")[2]
    location = led_to(screens, log_id)
    assert f"log={log_id}" in location
    assert "from=" in location
    assert log_id in (one(screens.page(location), "tr[aria-selected]").attributes["id"] or "")


def test_the_search_keeps_range_environment_and_pause(screens: Screens) -> None:
    scope = "since=1h&env=hipster-lab&live=0"
    fields = {
        node.attributes["name"]: node.attributes["value"]
        for node in screens.page(f"/rum?{scope}").css("form.seek input[type=hidden]")
    }
    assert fields == {"since": "1h", "env": "hipster-lab", "live": "0"}
    again = screens.page(f"/search?q=nothing&{scope}")
    assert len(again.css("main form input[type=hidden]")) == 3
    assert led_to(screens, "", f"q={seed.TRACE}&{scope}").endswith(f"{seed.TRACE}?{scope}")


def test_a_trace_that_only_logs_know_is_answered_with_its_logs(tmp_path: Path) -> None:
    """Nothing was found, though its log line was there."""
    world = World(time.time_ns())
    world.log("mailer", world.now_unix_nano, 9, "sent", _trace=LOGGED_TRACE, _span="00000000000000aa")
    with observing(world, tmp_path) as client:
        page = HTMLParser(client.get(f"/search?q={LOGGED_TRACE}").get_data(as_text=True))
        answer = client.get(f"/api/v1/resolve?id={LOGGED_TRACE}")
    assert "No span of this trace has arrived, but 1 log" in text(page)
    assert f"/logs?trace_id={LOGGED_TRACE}" in [node.attributes["href"] for node in page.css("main a")]
    assert answer.status_code == 404
    assert "1 log" in answer.get_json()["error"]["message"]


@pytest.mark.parametrize(
    ("session_id", "status", "code"),
    [("nobody", 404, "unknown"), ("a%07b", 400, "malformed"), ("x" * 3000, 400, "malformed")],
)
def test_a_sessions_id_is_judged_alike_by_page_and_api(
    screens: Screens, session_id: str, status: int, code: str
) -> None:
    assert screens.client.get(f"/rum/sessions/{session_id}").status_code == status
    answer = screens.client.get(f"/api/v1/rum/sessions/{session_id}")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (status, code)
