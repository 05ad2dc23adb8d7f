"""The page of alerts: what fires first, the rules with their values, filters, empty places."""

from __future__ import annotations

from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

from alerting import AlertFile, AlertQuery
from observer.app import create_app
from observer.settings import Settings
from tests.fixtures.html import attribute, one, text
from tests.fixtures.world import S
from tests.observer.screens import Screens
from tests.observer.screens.alerts.conftest import AlertScreens, evaluated


def rows(page: LexborHTMLParser, section: str) -> list[str]:
    """The names of the rows of a list."""
    return [text(one(row, "a[data-main]")) for row in page.css(f"[aria-labelledby={section}] tr[data-row]")]


def test_what_fires_comes_before_what_waits_and_what_ended(shared: AlertScreens) -> None:
    """An alert whose condition must last stands below those that fire, whatever began first."""
    page = shared.page("/alerts")
    opened = rows(page, "open-title")
    assert opened[-1] == "Errors last"
    assert "Orders are failing" in opened[:-1]
    assert rows(page, "ended-title") == ["Was deleted"]
    states = [text(one(row, ".badge")) for row in page.css("[aria-labelledby=open-title] tr[data-row]")]
    assert states[-1] == "pending"
    assert set(states[:-1]) == {"firing"}


def test_a_row_has_the_value_against_the_threshold_since_when_and_how_bad(shared: AlertScreens) -> None:
    page = shared.page("/alerts")
    row = next(
        each for each in page.css("tr[data-row]") if text(one(each, "a[data-main]")) == "Orders are failing"
    )
    words = text(row)
    alert = shared.alert("orders-failing")
    assert alert.value is not None
    assert f"{alert.value * 100:.1f} %" in words
    assert "above 5.0 %" in words
    assert "critical" in words
    assert "team checkout" in words
    assert attribute(one(row, "a[data-main]"), "href") == f"/alerts/{alert.alert_id}"
    assert len(row.css("time")) == 2, "when, and how long ago"


def test_every_rule_shows_its_state_its_value_and_what_is_wrong_with_it(shared: AlertScreens) -> None:
    """Worst first; a rule without data says why, and a file that holds no rule what to do."""
    page = shared.page("/alerts")
    found = {text(one(body, "th a")): text(body) for body in page.css("table.rules tbody")}
    assert list(found)[-1] == "Pages are slow"
    assert "ok" in found["Pages are slow"]
    assert "above 1 h" in found["Pages are slow"]
    assert "no data" in found["Nothing is known"]
    assert "pending" in found["Errors last"]
    assert "version v350.10" in text(one(page, "table.rules"))
    problems = [text(notice) for notice in page.css(".notice.warn")]
    assert any("broken.toml" in problem for problem in problems)


@pytest.mark.parametrize(
    ("query", "opened", "ended"),
    [
        ("state=firing&severity=critical", ["Orders are failing"], []),
        ("state=pending", ["Errors last"], []),
        ("state=resolved", [], ["Was deleted"]),
        ("state=no_data", [], []),
        ("detector=errors-lasting", ["Errors last"], []),
        ("severity=info", [], []),
    ],
)
def test_filters(shared: AlertScreens, query: str, opened: list[str], ended: list[str]) -> None:
    page = shared.page(f"/alerts?{query}")
    assert (rows(page, "open-title"), rows(page, "ended-title")) == (opened, ended)
    assert page.css("form[role=search] a.button"), "the filters can be taken away"


def test_a_filter_that_nothing_knows_is_refused(shared: AlertScreens) -> None:
    shared.page("/alerts?state=firng", status=400)


def test_no_alert_says_how_many_rules_are_evaluated_and_when(tmp_path: Path) -> None:
    with evaluated(tmp_path, rules={}) as bare:
        words = text(one(bare.page("/alerts"), "main"))
        assert "No alert. 0 rules are evaluated every 2 s." in words
        assert "As of" in words
        assert "No rule" in words
        assert "No alert. 0 rules" in text(one(bare.page("/"), "[aria-labelledby=alerts-title]"))


def test_without_a_process_that_evaluates_the_page_says_so(screens: Screens) -> None:
    page = screens.page("/alerts")
    assert "No rules are evaluated here" in text(one(page, "main"))
    assert not page.css("#alert-badge .badge")
    assert not screens.page("/").css("[aria-labelledby=alerts-title]")


@pytest.mark.parametrize(
    "path", ["/", "/alerts", "/rum", "/apm", "/logs", "/metrics", "/workshop", "/no/such"]
)
def test_the_header_of_every_page_counts_what_fires(shared: AlertScreens, path: str) -> None:
    page = LexborHTMLParser(shared.client.get(path).text)
    number = sum(
        alert.state == "firing" for alert in shared.file.alerts(AlertQuery(), shared.now_unix_nano)[0]
    )
    badge = one(page, "#alert-badge")
    assert text(badge) == f"{number} firing"
    assert attribute(one(page, "[data-key=area-alerts]"), "href") == "/alerts"
    again = shared.client.get(attribute(badge, "hx-get"))
    assert again.status_code == 204, "nothing is sent while it shows what is"


def test_an_evaluator_that_is_away_is_said_in_the_header_and_on_the_page(shared: AlertScreens) -> None:
    late = create_app(
        shared.reader, Settings(), clock=lambda: shared.now_unix_nano + 60 * S, alert_file=shared.file
    )
    page = LexborHTMLParser(late.test_client().get("/alerts").text)
    assert "rules not evaluated" in text(one(page, "#alert-badge"))
    assert "Rules have not been evaluated for 60 s" in text(one(page, "#alert-lists > .notice.bad"))
    assert "Rules have not been evaluated" in text(
        one(LexborHTMLParser(late.test_client().get("/").text), "[aria-labelledby=alerts-title]")
    )


def test_a_file_that_cannot_be_read_breaks_no_page(shared: AlertScreens, tmp_path: Path) -> None:
    (tmp_path / "alerts.db").write_bytes(b"no database at all" * 100)
    file = AlertFile(tmp_path / "alerts.db")
    client = create_app(
        shared.reader, Settings(), clock=lambda: shared.now_unix_nano, alert_file=file
    ).test_client()
    for path in ("/", "/apm/services/frontend", "/logs"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "alerts cannot be read" in text(one(LexborHTMLParser(answer.text), "#alert-badge"))
    assert client.get("/alerts").status_code == 503
    file.close()


def test_the_lists_are_sent_again_only_when_they_changed(shared: AlertScreens) -> None:
    address = attribute(one(shared.page("/alerts?severity=critical"), "#alert-lists"), "hx-get")
    assert shared.client.get(address).status_code == 204
    changed = shared.client.get(address.partition("&mark=")[0] + "&mark=0")
    assert "Orders are failing" in changed.text
    assert "<html" not in changed.text
    assert not shared.page("/alerts?live=0").css("#alert-lists[hx-get]"), "a paused page stays as it is"


def test_what_rules_say_is_text(shared: AlertScreens) -> None:
    for path in (
        "/alerts",
        "/alerts?detector=versions",
        shared.path("versions"),
        "/",
        "/apm/services/frontend",
    ):
        answer = shared.client.get(path)
        assert "<img src=x" not in answer.text, path
        assert "<script>document" not in answer.text, path
    assert "img src" in text(one(shared.page("/alerts"), "#alert-lists"))


def test_the_home_page_lists_the_open_alerts(shared: AlertScreens) -> None:
    block = one(shared.page("/"), "[aria-labelledby=alerts-title]")
    words = [text(link) for link in block.css("li a")]
    assert any(each.startswith("Orders are failing:") and "above 5.0 %" in each for each in words)
    assert all(shared.client.get(attribute(link, "href")).status_code == 200 for link in block.css("li a"))
