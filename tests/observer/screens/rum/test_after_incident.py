"""A session goes on while incidents change: a link of the lesson leads to what came since."""

from __future__ import annotations

from tests.fixtures import seed
from tests.fixtures.html import one, text
from tests.observer.screens import Screens


def test_only_what_came_since_is_shown_and_the_rest_on_request(screens: Screens) -> None:
    """The notice says so and leads to the whole session; a time after its end hides nothing."""
    client = screens.app.test_client()
    address = f"/rum/sessions/{seed.SESSION}"
    found = client.get(f"/api/v1{address}").get_json()
    starts = sorted(event["start_unix_nano"] for event in found["events"])
    middle = starts[len(starts) // 2]
    page = screens.page(f"{address}?after={middle}")
    notice = one(page, "#earlier")
    assert f"{sum(start < middle for start in starts)} earlier event" in text(notice)
    assert "after=" not in (one(notice, "a").attributes["href"] or "")
    assert not screens.page(address).css("#earlier")
    assert not screens.page(f"{address}?after={starts[-1] + 10**9}").css("#earlier")
    assert client.get(f"{address}?after=soon").status_code == 400
