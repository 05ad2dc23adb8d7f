"""The page of one alert: its value over time with threshold and band, its leads, what people may do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from alerting import AlertFile
from classroom import ClassStore
from observer.app import create_app
from observer.settings import Settings
from tests.fixtures import seed
from tests.fixtures.html import attribute, one, text
from tests.fixtures.world import S
from tests.observer.class_screens import NAMES, SECRET
from tests.observer.screens.alerts.conftest import AlertScreens


def token_of(page: LexborHTMLParser) -> str:
    return attribute(page.css("input[name=csrf_token]")[0], "value")


def send(found: AlertScreens, path: str, **fields: str) -> int:
    """The status of a form of a page, sent with that page's token."""
    page = found.page(found.path("orders-failing"))
    return found.client.post(path, data={"csrf_token": token_of(page), **fields}).status_code


def test_it_says_what_since_when_and_against_which_threshold(shared: AlertScreens) -> None:
    page = shared.page(shared.path("orders-failing"))
    words = text(one(page, "main"))
    for expected in (
        "Orders are failing",
        "A part of the orders fails.",
        "firing",
        "critical",
        "above 5.0 %",
    ):
        assert expected in words
    assert "share that failed" in words
    assert "above 5.0 %, over the last 10 min" in words
    runbook = next(link for link in page.css(".actions a") if text(link) == "Runbook")
    assert attribute(runbook, "href") == "https://runbooks.example/orders"
    assert "https://status.example/" in [attribute(link, "href") for link in page.css(".leads a")]


def test_its_value_is_drawn_with_the_threshold_and_the_band_and_stands_in_a_table(
    shared: AlertScreens,
) -> None:
    page = shared.page(shared.path("orders-failing"))
    assert len(page.css("#alert-now svg.chart .threshold")) == 2, "one on each of the two drawings"
    assert len(page.css("#alert-now svg.chart .alert-wash.critical")) == 2
    strip = page.css("#alert-now svg.chart a.chart-alert")[0]
    assert "Alert, critical" in text(one(strip, "title"))
    assert "Orders are failing" in text(one(strip, "title"))
    table = page.css("#alert-now details table tbody tr")
    assert table
    assert {"yes", ""} >= {text(row.css("td")[2]) for row in table}
    assert any("beyond" in text(row) for row in table)


def test_it_leads_to_the_moment_at_which_it_began(shared: AlertScreens) -> None:
    page = shared.page(shared.path("orders-failing"))
    leads = {text(link): attribute(link, "href") for link in page.css(".leads a")}
    named = " ".join(leads)
    for expected in (
        "session of that moment",
        "Trace ",
        "Service map",
        "Traces",
        "Logs",
        "Metrics of frontend",
    ):
        assert expected in named
    for label, address in leads.items():
        if address.startswith("/"):
            assert shared.client.get(address).status_code == 200, label
    # What is counted there is what is listed there.
    label, address = next((label, address) for label, address in leads.items() if label.startswith("Metrics"))
    listed = attribute(one(shared.page(address), "[data-total][data-of=metrics]"), "data-total")
    assert label.endswith(f"({listed})")


def test_the_rule_of_a_metric_leads_to_its_chart(shared: AlertScreens) -> None:
    leads = {
        text(link): attribute(link, "href") for link in shared.page(shared.path("versions")).css(".leads a")
    }
    chart = shared.page(leads["The metric"])
    assert "shop.orders" in text(one(chart, "h1"))
    assert "version" in text(one(chart, "main"))


def test_what_happened_is_listed(shared: AlertScreens) -> None:
    rows = shared.page(shared.path("orders-failing")).css("[aria-labelledby=history-title] tbody tr")
    assert "Fires" in [text(row.css("td")[0]) for row in rows]


def test_an_alert_whose_rule_was_deleted_stays_readable(shared: AlertScreens) -> None:
    words = text(one(shared.page(shared.path("gone")), "main"))
    assert "It ended:" in words
    assert "Was deleted" in words


def test_one_that_nobody_knows_says_where_to_look(shared: AlertScreens) -> None:
    assert "There is no alert" in text(one(shared.page("/alerts/nope", status=404), "main"))


def test_the_changing_part_is_sent_again_only_when_it_changed(shared: AlertScreens) -> None:
    address = attribute(one(shared.page(shared.path("orders-failing")), "#alert-now"), "hx-get")
    assert shared.client.get(address).status_code == 204
    changed = shared.client.get(address.replace("mark=", "mark=0"))
    assert "Value over time" in changed.text
    assert "csrf_token" not in changed.text, "what is typed into the forms is not exchanged"


def test_acknowledging_is_kept_and_shown(own: AlertScreens) -> None:
    path = own.path("orders-failing")
    assert send(own, f"{path}/acknowledge", by="anna <b>", note="I look at it", next=path) == 303
    page = own.page(path)
    seen = text(one(page, "[aria-labelledby=seen-title]"))
    assert "anna <b>" in seen
    assert "I look at it" in seen
    assert "Acknowledged" in text(one(page, "[aria-labelledby=history-title]"))
    assert "acknowledged by anna" in text(one(own.page("/alerts"), "#alert-lists"))


def test_a_silence_is_shown_until_it_ends(own: AlertScreens) -> None:
    path = own.path("versions")
    assert send(own, f"{path}/silence", minutes="15", by="ben", note="known", next=path) == 303
    page = own.page(path)
    silence = one(page, "[aria-labelledby=silence-title]")
    for expected in ("Silenced until", "ben", "version v350.", "only: known"):
        assert expected in text(silence)
    assert "silenced" in text(one(page, "#alert-now"))
    assert "silenced in part" in text(one(own.page("/alerts"), "table.rules"))
    end = attribute(one(silence, "form[action*='/silences/']"), "action")
    assert send(own, end, next=path) == 303
    assert "Silenced until" not in text(one(own.page(path), "[aria-labelledby=silence-title]"))


def test_a_whole_rule_is_silenced_on_its_page(own: AlertScreens) -> None:
    assert (
        send(own, "/detectors/versions/silence", minutes="60", by="", next="/alerts?detector=versions") == 303
    )
    page = own.page("/alerts?detector=versions")
    assert "somebody at this machine" in text(one(page, "[aria-labelledby=silence-title]"))
    assert [silence.labels for silence in own.file.silences(own.now_unix_nano)] == [{}]
    assert send(own, "/detectors/no-such/silence", minutes="60") == 404
    assert send(own, "/detectors/versions/silence", minutes="61") == 400


@pytest.mark.parametrize("what", ["acknowledge", "silence"])
def test_a_change_needs_the_token_and_a_page_of_ours(own: AlertScreens, what: str) -> None:
    path = own.path("orders-failing")
    form = {"minutes": "15", "csrf_token": token_of(own.page(path))}
    for fields, headers in (
        ({"minutes": "15"}, {}),
        ({**form, "csrf_token": "x"}, {}),
        (form, {"Origin": "http://elsewhere.example"}),
        (form, {"Sec-Fetch-Site": "cross-site"}),
    ):
        assert own.client.post(f"{path}/{what}", data=fields, headers=headers).status_code == 403
    assert own.alert("orders-failing").acknowledged is None
    assert not own.file.silences(own.now_unix_nano)


def test_after_a_change_nobody_is_led_elsewhere(own: AlertScreens) -> None:
    path = own.path("orders-failing")
    answer = own.client.post(
        f"{path}/acknowledge",
        data={"csrf_token": token_of(own.page(path)), "next": "https://elsewhere.example/"},
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


def in_class(found: AlertScreens, folder: Path) -> tuple[FlaskClient, ClassStore]:
    roster = ClassStore(folder / "class.sqlite3")
    roster.enrol(NAMES)
    settings = Settings(shop_url=seed.SHOP, seat_secret=SECRET)
    app = create_app(
        found.reader, settings, lambda: found.now_unix_nano, roster, AlertFile(folder / "alerts.db")
    )
    return app.test_client(), roster


def test_in_a_class_only_the_desk_may_change_anything(own: AlertScreens, tmp_path: Path) -> None:
    """Students see every alert, and no form; the desk signs in and may."""
    client, roster = in_class(own, tmp_path)
    path = own.path("orders-failing")
    page = LexborHTMLParser(client.get(path).text)
    assert "Only the desk may acknowledge and silence." in text(one(page, "main"))
    assert not page.css("main form[method=post]")
    refused = client.post(f"{path}/acknowledge", data={"csrf_token": "x"})
    assert refused.headers.get("Location", "").startswith("/desk/sign-in")
    assert own.alert("orders-failing").acknowledged is None
    fields: Mapping[str, str] = {"passcode": roster.facts().passcode}
    assert client.post("/desk/sign-in", data=fields).status_code == 303
    token = token_of(LexborHTMLParser(client.get(path).text))
    assert client.post(f"{path}/acknowledge", data={"csrf_token": token, "next": path}).status_code == 303
    acknowledged = own.alert("orders-failing").acknowledged
    assert acknowledged is not None
    assert acknowledged.by == "desk"
    roster.close()


def test_alerts_stand_as_bands_on_every_chart_over_time(shared: AlertScreens) -> None:
    """A strip that a keyboard reaches, with the alert in words; and the same below the chart."""
    for path in ("/apm/services/frontend", "/apm/tags", "/apm/traces", "/logs", "/rum?whose=all",
                 "/rum/tags?whose=all", "/metrics/shop.orders"):  # fmt: skip
        page = shared.page(path)
        strips = page.css("svg.chart a.chart-alert")
        assert strips, path
        assert all(attribute(strip, "href").startswith("/alerts/") for strip in strips), path
        assert all("tabindex" not in strip.attributes for strip in strips), "the keyboard must reach it"
        assert "Orders are failing" in text(one(page, "#alerts-here")), path
        assert page.css("svg.chart rect.alert-wash.critical"), path


def test_a_time_without_alerts_has_no_band(shared: AlertScreens) -> None:
    end = (shared.now_unix_nano - 24 * 3600 * S) // 10**6
    page = shared.page(f"/logs?from={end - 900_000}&to={end}")
    assert not page.css("a.chart-alert")
    assert not page.css("#alerts-here")
