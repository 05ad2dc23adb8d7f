"""The Logs page over the seeded store: filters, histogram, one log, the tail, the download."""

from __future__ import annotations

import json
from pathlib import Path

from tests.fixtures import seed
from tests.fixtures.html import attribute, one, text
from tests.fixtures.scene import observing
from tests.fixtures.world import World
from tests.observer.screens import Screens
from tests.observer.updates import announced, updates_address

TRACE = f"/logs?trace_id={seed.TRACE}"


def lines(page: object) -> list[str]:
    return [text(node) for node in page.css("table.logs-table tbody tr")]  # type: ignore[attr-defined]


def the_failed_charge(screens: Screens) -> str:
    """The address of the log that the lesson ends at."""
    listed = screens.page(f"{TRACE}&severity=error&service=paymentservice")
    return attribute(one(listed, "a[data-main]"), "href")


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
    without = [chip.css("a")[-1].attributes["href"] or "" for chip in chips]
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


def test_a_typed_filter_becomes_an_address(screens: Screens) -> None:
    answer = screens.client.get(f"{TRACE}&q=placing&add=currency+%3D+USD")
    assert answer.status_code == 303
    assert answer.headers["Location"].endswith("&q=placing&attr=currency%3AUSD")
    refused = screens.page(f"{TRACE}&add=nonsense")
    assert "Write a field's name" in text(one(refused, "[role=alert]"))
    assert one(refused, "#log-add").attributes["value"] == "nonsense"
    offered = [each.attributes["value"] for each in refused.css("#log-fields option")]
    assert "currency = USD" in offered


def test_logs_can_be_left_out_and_taken_back(screens: Screens) -> None:
    page = screens.page(f"{TRACE}&exclude=version:v350.10&exclude=service.name:frontend")
    assert len(lines(page)) == 2
    assert [text(one(chip, "code")) for chip in page.css(".chip")][1:] == [
        "version ≠ v350.10",
        "service.name ≠ frontend",
    ]
    turned = page.css(".chip")[1].css("a")[0].attributes["href"] or ""
    assert "attr=version%3Av350.10" in turned
    assert "exclude=version" not in turned
    assert "service ≠" not in text(screens.page(turned))
    fields = [a.attributes["href"] or "" for a in screens.page(TRACE).css("#field-list a.off")]
    assert any("exclude=version%3Av350.10" in href for href in fields)


def test_every_link_of_the_fields_finds_as_many_logs_as_it_says(screens: Screens) -> None:
    """Attributes named like a record's field were sent to the wrong argument, cut values to none."""
    page = screens.page(TRACE)
    links = [a for a in page.css("#field-list a") if "off" not in (a.attributes.get("class") or "")]
    assert len(links) > 5
    for link in links:
        number = int(text(link).rsplit(" ", 1)[1])
        assert len(lines(screens.page(link.attributes["href"] or ""))) == number, text(link)


def test_the_fields_say_how_many_logs_were_looked_at(screens: Screens) -> None:
    assert "of 6 logs" in text(one(screens.page(TRACE), ".fields header"))


def test_words_are_found_in_any_order_and_what_is_too_long_is_refused(screens: Screens) -> None:
    assert len(lines(screens.page(f"{TRACE}&q=token+invalid"))) == 1
    assert len(lines(screens.page(f"{TRACE}&q=%22token+invalid%22"))) == 0
    refused = screens.client.get("/logs?q=" + "x" * 60_000)
    assert refused.status_code == 400
    assert "at most 1,000" in refused.get_data(as_text=True)


def test_nothing_found_offers_the_fields_that_hold_it(screens: Screens) -> None:
    page = screens.page("/logs?q=payment-service-nowhere")
    assert "field = payment-service-nowhere" in text(one(page, ".empty"))
    page = screens.page(f"/logs?q={seed.TOKEN[-12:]}+nowhere")
    assert not page.css(".hints"), "words that no field has either"
    page = screens.page("/logs?q=USD")
    assert "attr=currency%3AUSD" in (one(page, ".hints a").attributes["href"] or "")


def test_an_argument_that_means_nothing_is_named(screens: Screens) -> None:
    """A filter with a typing error must not pass for no filter."""
    page = screens.page("/logs?session=x&q=order")
    assert "Nothing here filters by session" in text(page)
    assert "session_id" in text(one(page, ".log-filters .notice"))
    assert "session=x" not in (one(page, "a[download]").attributes["href"] or "")
    assert screens.client.get("/logs/download?session=x").status_code == 400


def test_the_tail_begins_at_what_arrived_last_and_sorts_by_time(screens: Screens) -> None:
    """The newest by time need not have come last: old rows came again as new."""
    page = screens.page("/logs")
    assert one(page, "tbody").attributes["data-cursor"] == screens.reader.newest_log_id()
    rows = screens.page("/logs/rows?after=1").css("tbody tr")
    order = [row.attributes["data-order"] or "" for row in rows]
    assert order == sorted(order, reverse=True)


def test_the_tail_says_when_there_is_more_and_skips_what_does_not_match(screens: Screens) -> None:
    body = one(screens.page("/logs/rows?after=1&attr=nobody:has"), "tbody")
    assert body.attributes["data-cursor"] == screens.reader.newest_log_id()
    assert "data-more" not in body.attributes
    older = one(screens.page("/logs/rows?after=1&since=1s"), "tbody")
    assert not older.css("tr"), "rows older than the time range"


def test_a_page_without_a_match_hears_of_the_first_one(screens: Screens) -> None:
    """A page that opened empty stayed empty for ever."""
    page = screens.page("/logs?q=nothing-says-this")
    assert announced(screens.client, updates_address(page)) == ""
    found = announced(screens.client, "/logs/updates?q=order&after=1")
    assert int(found.partition(" new log")[0]) > 0
    assert not updates_address(screens.page("/logs")), "the live tail brings what follows the first rows"


def test_the_time_axis_and_the_ways_out_of_a_zoom(screens: Screens) -> None:
    page = screens.page(TRACE)
    assert any("." in text(tick) for tick in page.css("svg.columns text.tick")), "no times within a second"
    inner = page.css("svg.columns a")[0].attributes["href"] or ""
    zoomed = screens.page(inner)
    out, whole = (a.attributes["href"] or "" for a in one(zoomed, ".histogram p").css("a"))
    assert len(lines(screens.page(out))) >= len(lines(zoomed))
    assert len(lines(screens.page(whole))) == 6


def test_one_log_leads_to_its_trace_its_span_and_its_neighbours(screens: Screens) -> None:
    href = the_failed_charge(screens)
    found = [a.attributes["href"] or "" for a in one(screens.page(href), ".log-ids").css("a")]
    assert f"/apm/traces/{seed.TRACE}?span={seed.CHARGE_SPAN}#s-{seed.CHARGE_SPAN}" in found
    assert f"/logs?trace_id={seed.TRACE}" in found
    assert f"/logs?trace_id={seed.TRACE}&span_id={seed.CHARGE_SPAN}" in found
    assert "/logs?service=paymentservice" in found


def test_sixteen_digits_of_a_trace_that_is_not_here_say_so(screens: Screens) -> None:
    assert "Give all 32 digits" in text(screens.page("/logs?trace_id=" + "d" * 16))


def test_the_tree_leads_to_logs_with_and_without_a_value(screens: Screens) -> None:
    href = the_failed_charge(screens)
    tree = one(screens.page(href), "#json-tree")
    assert any(f"attr=token%3A{seed.TOKEN}" in (a.attributes["href"] or "") for a in tree.css("a"))
    assert any(f"exclude=token%3A{seed.TOKEN}" in (a.attributes["href"] or "") for a in tree.css("a"))


def test_a_trace_without_spans_leads_to_its_logs(tmp_path: Path) -> None:
    """Its page said that nothing had arrived while its logs lay in the store."""
    world = World(10**18)
    trace = "ab" * 16
    for number in range(3):
        world.log("alone", 10**18 - number - 1, 9, f"line {number}", _trace=trace)
    with observing(world, tmp_path) as client:
        answer = client.get(f"/apm/traces/{trace}")
        assert answer.status_code == 404
        words = answer.get_data(as_text=True)
        assert "but 3 logs of it" in words
        assert f"/logs?trace_id={trace}" in words
        assert "line 2" in client.get(f"/logs?trace_id={trace}").get_data(as_text=True)
