"""RUM's pages over the seeded store: what stands on them and where it leads."""

from __future__ import annotations

from urllib.parse import quote

from tests.fixtures import seed
from tests.fixtures.html import one, text
from tests.observer.screens import Screens
from tests.observer.updates import announced

SESSION = f"/rum/sessions/{seed.SESSION}"


def test_the_overview_counts_compares_and_groups(screens: Screens) -> None:
    page = screens.page("/rum")
    words = text(page)
    for name in ("Page views", "JavaScript errors", "Network errors", "Long tasks", "Custom events"):
        assert name in words
    for vital in ("Largest contentful paint", "Interaction to next paint", "Cumulative layout shift"):
        assert vital in words
    assert "Cannot read properties of undefined (reading 'Prcie')" in words
    links = [node.attributes["href"] or "" for node in page.css("main a")]
    assert any("event=" in link and link.startswith("/rum/sessions/") for link in links)


def test_people_are_shown_and_synthetic_shoppers_set_apart(screens: Screens) -> None:
    people = text(one(screens.page("/rum/sessions"), "table.sessions"))
    synthetic = screens.page("/rum/sessions?whose=synthetic")
    assert "anna" in people
    assert "synthetic" not in people
    assert len(synthetic.css("table.sessions tbody tr")) == 12


def test_a_seat_is_found_by_its_name_and_the_filter_stays_in_the_address(screens: Screens) -> None:
    answer = screens.client.get("/rum/sessions?seat=anna&since=1h")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/rum/sessions?since=1h&attr=enduser.id%3Aanna"
    page = screens.page(answer.headers["Location"])
    rows = page.css("table.sessions tbody tr")
    assert len(rows) == 1
    assert SESSION in (one(rows[0], "a[data-main]").attributes["href"] or "")
    assert "enduser.id = anna" in text(one(page, ".chip"))


def test_sorting_is_a_link_and_said(screens: Screens) -> None:
    page = screens.page("/rum/sessions?sort=errors")
    assert text(one(page, "th[aria-sort]")).startswith("JS errors")


def test_no_match_says_why_and_what_next(screens: Screens) -> None:
    words = text(one(screens.page("/rum/sessions?attr=enduser.id:nobody"), ".empty"))
    assert "The store holds" in words
    assert "enduser.id = nobody" in words


def test_an_empty_store_says_how_to_fill_it(bare: Screens) -> None:
    for path in ("/rum", "/rum/sessions"):
        assert "RUM agent" in text(one(bare.page(path), ".empty"))


def test_updates_count_sessions_after_the_newest_that_is_shown(screens: Screens) -> None:
    assert announced(screens.client, "/rum/sessions/updates?after=0") == "5 new sessions"
    assert announced(screens.client, f"/rum/sessions/updates?after={2**62}") == ""


def test_a_session_has_pages_pills_rows_and_the_way_to_the_backend(screens: Screens) -> None:
    page = screens.page(SESSION)
    assert text(one(page, "h1")) == "Session of anna"
    assert len(page.css(".page-rail li")) == 4
    rows = page.css("[data-row]")
    checkout = one(page, f"#e-{seed.CHECKOUT_EVENT}")
    assert "POST /cart/checkout" in text(checkout)
    assert "500" in text(checkout)
    assert one(checkout, "a.apm-link").attributes["href"] == f"{SESSION}/apm/{seed.CHECKOUT_EVENT}"
    assert all(row.attributes["role"] == "row" for row in rows)
    assert "Logs (6)" in text(one(page, ".related"))


def test_a_row_opens_in_place_to_all_its_tags(screens: Screens) -> None:
    page = screens.page(f"{SESSION}?event={seed.CHECKOUT_EVENT}")
    detail = one(page, f"[data-detail='e-{seed.CHECKOUT_EVENT}']")
    for words in ("http.status_code", "link.traceId", seed.TRACE, "HTTP POST"):
        assert words in text(detail)


def test_a_kind_shows_its_rows_alone(screens: Screens) -> None:
    page = screens.page(f"{SESSION}?kind=errors")
    assert len(page.css("[data-row]")) == 1, "the line of the console about the uncaught error is not another"
    assert text(one(page, ".pill[aria-current]")).startswith("JavaScript errors")
    assert screens.client.get(f"{SESSION}?kind=sorcery").status_code == 400


def test_a_copied_dialog_address_opens_the_dialog_again(screens: Screens) -> None:
    page = screens.page(f"{SESSION}?apm={seed.CHECKOUT_EVENT}")
    assert (
        one(page, "[data-open-dialog]").attributes["data-open-dialog"]
        == f"{SESSION}/apm/{seed.CHECKOUT_EVENT}"
    )


def test_a_session_that_is_not_here_says_so(screens: Screens) -> None:
    words = text(one(screens.page("/rum/sessions/unheard-of", status=404), "main"))
    assert "unheard-of" in words


def test_the_spotlight_has_a_card_per_tag_and_a_click_filters(screens: Screens) -> None:
    page = screens.page("/rum/tags?metric=js_errors")
    titles = [text(node) for node in page.css(".card h2")]
    assert {"App", "Page", "Browser", "Seat"} <= set(titles)
    links = [node.attributes["href"] or "" for node in page.css(".card a")]
    assert "/rum/tags?metric=js_errors&attr=page%3A%2Fcart" in links
    narrowed = screens.page("/rum/tags?metric=js_errors&attr=enduser.id:anna")
    assert "enduser.id = anna" in text(one(narrowed, ".chip"))
    assert screens.client.get("/rum/tags?metric=happiness").status_code == 400


def test_a_hostile_session_is_text(screens: Screens) -> None:
    page = screens.page("/rum/sessions/" + quote(seed.HOSTILE_SESSION, safe=""))
    assert not page.css("main script, main img")
    assert "U+202E" in text(page)
