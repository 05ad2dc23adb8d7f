"""The Logs page over the seeded store: filters, histogram, one log, the tail, the download."""

from __future__ import annotations

import json

from tests.browser import seed
from tests.observer.html import one
from tests.observer.html import text
from tests.observer.screens import Screens

TRACE = f"/logs?trace_id={seed.TRACE}"


def lines(page: object) -> list[str]:
    return [text(node) for node in page.css("table.logs-table tbody tr")]  # type: ignore[attr-defined]


def test_the_link_from_a_trace_sets_the_filter_and_finds_all_its_logs(screens: Screens) -> None:
    page = screens.page(TRACE)
    assert text(one(page, ".chip")).startswith(f"trace_id = {seed.TRACE}")
    assert len(lines(page)) == 6
    assert "6 logs" in text(page)
    short = screens.page(f"/logs?trace_id={seed.TRACE[-16:]}")
    assert len(lines(short)) == 6


def test_a_trace_is_shown_whole_whatever_the_default_range(screens: Screens) -> None:
    assert "whatever the time range" in text(screens.page(TRACE))
    assert len(lines(screens.page(f"{TRACE}&from=1970-01-02T00:00:00Z&to=1970-01-03T00:00:00Z"))) == 0


def test_filters_combine_and_each_can_be_taken_away(screens: Screens) -> None:
    page = screens.page(f"{TRACE}&severity=error&service=paymentservice&q=INVALID%20api&attr=version:v350.10")
    assert len(lines(page)) == 1
    chips = page.css(".chip")
    assert len(chips) == 5
    without = [one(chip, "a").attributes["href"] or "" for chip in chips]
    assert all(link.count("=") == 4 for link in without), without


def test_one_log_shows_its_message_its_ids_and_its_json(screens: Screens) -> None:
    listed = screens.page(f"{TRACE}&severity=error&service=paymentservice")
    href = one(listed, "table.logs-table a[data-main]").attributes["href"] or ""
    page = screens.page(href)
    detail = one(page, "#log-detail")
    assert seed.MESSAGE in text(detail)
    assert f"/apm/traces/{seed.TRACE}?span={seed.CHARGE_SPAN}" in [
        a.attributes["href"] for a in detail.css("a")
    ]
    assert "provider" in text(one(page, "#json-tree"))
    assert one(page, "tr[aria-selected]")


def test_a_log_that_is_gone_says_so(screens: Screens) -> None:
    assert "not here" in text(one(screens.page("/logs?log=999999999"), "#log-detail"))


def test_logs_that_lack_ids_are_told_so(screens: Screens) -> None:
    page = screens.page("/logs")
    assert "lacks trace_id" in text(one(page, ".lacking"))
    row = next(line for line in lines(page) if "names no service" in line)
    assert "no trace" in row


def test_no_logs_of_a_trace_says_what_recent_logs_lack(screens: Screens) -> None:
    words = text(one(screens.page("/logs?trace_id=" + "d" * 32), ".empty"))
    assert "None of them carries this id" in words
    assert "lack trace_id" in words


def test_an_empty_store_says_where_to_send(bare: Screens) -> None:
    assert "4318" in text(one(bare.page("/logs"), ".empty"))


def test_the_histogram_counts_by_severity_and_leads_to_its_columns(screens: Screens) -> None:
    page = screens.page(TRACE)
    assert "error 2" in text(one(page, ".legend"))
    chart = page.css("svg.columns")[0]
    assert chart.attributes["data-from"]
    columns = [a.attributes["href"] or "" for a in chart.css("a")]
    assert columns
    assert all("from=" in href and "to=" in href and f"trace_id={seed.TRACE}" in href for href in columns)
    zoomed = [len(lines(screens.page(href))) for href in columns]
    assert sum(zoomed) == 6


def test_fields_show_their_top_values_as_filters(screens: Screens) -> None:
    page = screens.page(TRACE)
    hrefs = [a.attributes["href"] or "" for a in page.css("#field-list a")]
    assert any("service=paymentservice" in href for href in hrefs)
    assert any("attr=version%3Av350.10" in href for href in hrefs)


def test_the_tail_gives_what_came_after_a_cursor(screens: Screens) -> None:
    page = screens.page("/logs/rows")
    assert one(page, "tbody").attributes["data-cursor"]
    assert 0 < len(page.css("tbody tr")) <= 20
    cursor = one(page, "tbody").attributes["data-cursor"]
    for _ in range(10):
        later = screens.page(f"/logs/rows?after={cursor}")
        cursor, before = one(later, "tbody").attributes["data-cursor"], cursor
        if cursor == before:
            break
    assert not later.css("tbody tr")


def test_the_tail_pauses_with_the_page(screens: Screens) -> None:
    assert screens.page("/logs").css("[data-tail]")
    for paused in ("/logs?live=0", TRACE, "/logs?from=2026-01-01T00:00:00Z"):
        assert not screens.page(paused).css("[data-tail]"), paused


def test_the_download_is_one_json_object_per_line(screens: Screens) -> None:
    answer = screens.client.get(f"/logs/download?trace_id={seed.TRACE}")
    assert "attachment" in answer.headers["Content-Disposition"]
    found = [json.loads(line) for line in answer.get_data().splitlines()]
    assert len(found) == 6
    assert {log["trace_id"] for log in found} == {seed.TRACE}


def test_a_malformed_filter_is_refused(screens: Screens) -> None:
    for path in ("/logs?trace_id=xyz", "/logs?severity=terrible", "/logs?attr=nocolon"):
        assert screens.client.get(path).status_code == 400, path


def test_hostile_logs_are_text(screens: Screens) -> None:
    page = screens.page(f"/logs?trace_id={seed.HOSTILE_TRACE}")
    href = one(page, "table.logs-table a[data-main]").attributes["href"] or ""
    page = screens.page(href)
    assert not page.css("main script, main img")
    assert "more characters not shown" in text(one(page, ".log-message"))
    assert len(page.html or "") < 700_000
