"""View-models of RUM's numbers: overview rows, cards of tags, traffic, announcements, empty screens."""

from __future__ import annotations

from dataclasses import replace

import pytest

from observer.components.number_format import NOTHING
from observer.components.session_path import session_path
from observer.components.traffic_filter import Traffic, conditions
from observer.components.updates import Update
from observer.screens.rum.metric_updates import update_of
from observer.screens.rum.metrics import BY_NAME, vital
from observer.screens.rum.no_data import no_data
from observer.screens.rum.overview import view as overview
from observer.screens.rum.spotlight import view as spotlight
from observer.screens.rum.svg_percent import svg_percent
from store.api import Breakdown, Latency, Measure, StoreStatus, TagValue

S = 10**9
STATUS = StoreStatus(
    spans=9,
    logs=0,
    sessions=2,
    metric_points=0,
    rejected=0,
    oldest_unix_nano=1,
    newest_unix_nano=7,
    last_received_unix_nano=7,
    bytes=1,
    max_bytes=9,
    pruned_spans=0,
    pruned_logs=0,
    pruned_before_unix_nano=None,
)


def values(**requests: int) -> Breakdown:
    return Breakdown(
        "page", tuple(TagValue(name, Measure(requests=number)) for name, number in requests.items())
    )


def test_pages_take_their_other_metrics_by_name() -> None:
    load = Breakdown("page", (TagValue("b", Measure(latency=Latency(p75_ns=2 * S))),))
    first, second = overview.page_rows(values(a=8, b=4), values(b=3), values(), load, values())
    assert (first.page, first.share, first.failing, first.load_p75) == ("a", 1, False, NOTHING)
    assert (second.share, second.js_errors, second.failing, second.load_p75) == (0.5, 3, True, "2 s")


def test_apps_are_those_of_the_chosen_environment_up_to_six() -> None:
    apps = [("shop", "lab"), ("shop", ""), *((f"app{n}", "lab") for n in range(9))]
    assert overview.apps_listed(apps, None)[:2] == (("shop", "lab"), ("shop", "not set"))
    assert len(overview.apps_listed(apps, None)) == 6
    assert overview.apps_listed(apps, "prod") == ()


def test_cut_error_groups_name_how_many_there_were() -> None:
    now = {"js_errors": Measure(requests=12_345)}
    assert overview.errors_note(now, cut=True) == "counted among the newest of 12,345 only"  # type: ignore[arg-type]
    assert overview.errors_note(now, cut=False) == ""  # type: ignore[arg-type]


def test_a_vital_is_drawn_on_a_band_up_to_beyond_its_poor_threshold() -> None:
    found = vital(BY_NAME["cls"], Measure(requests=1, latency=Latency(p75_ns=9 * S)), None)
    assert [css for css, _, _ in found.band] == ["good", "middle", "poor"]
    assert found.band[0][1:] == ("0.00%", "28.57%")
    assert (found.badge, found.pointer_x, found.samples) == ("bad", "99.20%", "1 sample")


def test_a_card_lists_percentiles_of_times_and_failures_of_counts() -> None:
    measure = Measure(requests=9, errors=2, latency=Latency(p50_ns=S, p75_ns=2 * S, p99_ns=None))
    breakdown = Breakdown("page", (TagValue("/", measure),))
    (timed,) = spotlight.card_of(breakdown, BY_NAME["network_requests"], {}).values
    assert timed.percentiles == (("P50", "1 s"), ("P75", "2 s"), ("P99", NOTHING))
    assert (timed.has_errors, timed.failed) == (True, "2")
    (errors,) = spotlight.card_of(breakdown, BY_NAME["js_errors"], {}).values
    assert (errors.percentiles, errors.has_errors, errors.failed) == ((), True, "")


def test_a_card_notes_that_its_scan_was_cut_and_how_much_it_read() -> None:
    found = replace(values(a=1), scanned=2_000, truncated=True)
    assert spotlight.card_of(found, BY_NAME["js_errors"], {}).notes == (
        "The scan stopped at its limit: older events were not counted.",
        "From 2,000 rows read for this question.",
    )


def test_cards_without_a_value_are_left_out_unless_they_are_filtered_by() -> None:
    absent = Breakdown("enduser.id", (TagValue("", Measure(requests=1)),))
    metric = BY_NAME["page_views"]
    assert spotlight.cards_of([absent], metric, {}) == ()
    assert len(spotlight.cards_of([absent], metric, {"enduser.id": ""})) == 1
    assert len(spotlight.cards_of([values(a=1)], metric, {})) == 1


def test_totals_leave_out_what_a_metric_does_not_have() -> None:
    assert spotlight.totals_of(BY_NAME["page_views"], Measure(requests=1_234)) == (("Samples", "1,234"),)
    timed = spotlight.totals_of(BY_NAME["page_load"], Measure(requests=1, errors=1))
    assert [name for name, _ in timed] == ["Samples", "Failed", "P50", "P75", "P99"]


@pytest.mark.parametrize(
    ("environment", "attributes", "whose", "expected"),
    [
        (None, {}, "all", None),
        ("lab", {}, "all", {"environment": "lab"}),
        (None, {}, "people", {"user_agent.synthetic.type": ""}),
        (None, {}, "synthetic", {"user_agent.synthetic.type": "test"}),
        (None, {"user_agent.synthetic.type": "bot"}, "people", {"user_agent.synthetic.type": "bot"}),
    ],
)
def test_traffic_becomes_a_condition_unless_it_is_filtered_by_itself(
    environment: str | None, attributes: dict[str, str], whose: str, expected: dict[str, str] | None
) -> None:
    assert conditions(environment, attributes, whose) == expected


def test_traffic_has_one_current_pill_and_is_narrowed_on_request_only() -> None:
    assert [pill.name for pill in Traffic("people", None, "").pills if pill.current] == ["people"]
    assert Traffic("people", "people", "").narrowed
    assert not Traffic("people", None, "").narrowed
    assert not Traffic("all", "all", "").narrowed


def test_an_announcement_names_page_views_and_errors_and_sums_up_the_rest() -> None:
    assert update_of({"page_views": 2, "js_errors": 1, "lcp": 4}) == Update(
        7,
        "2 new page views, 1 new JavaScript error",
    )
    assert update_of({"lcp": 4, "inp": 1}) == Update(5, "5 new measurements")
    assert update_of({"lcp": 0}) == Update(0, "")


def test_an_empty_screen_knows_what_the_store_holds() -> None:
    assert no_data(STATUS).sessions == "2 sessions"
    nothing = no_data(replace(STATUS, sessions=0))
    assert (nothing.sessions, nothing.newest_unix_nano) == ("", 7)


def test_addresses_and_lengths_are_spelled_for_their_place() -> None:
    assert session_path("a/b?c") == "/rum/sessions/a%2Fb%3Fc"
    assert (svg_percent(12.3456), svg_percent(12.3456, 3), svg_percent(25, 0)) == ("12.35%", "12.346%", "25%")
