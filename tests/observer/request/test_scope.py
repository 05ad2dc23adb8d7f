"""What part of the telemetry an address asks for."""

from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from observer.components.page_header import build
from observer.request.errors import Malformed
from observer.request.scope import Scope, parse_scope
from observer.request.time_range import nearby_ranges
from store.api import Window

NOW = 1_795_343_067_482_000_000
S = 1_000_000_000


def parsed(**args: str) -> Scope:
    return parse_scope(args, NOW, UTC)


def test_nothing_asked_is_the_last_fifteen_minutes_live() -> None:
    found = parsed()
    assert (found.window.from_unix_nano, found.since, found.live) == (NOW - 900 * S, "15m", True)
    assert found.args() == {}
    assert found.label == "Last 15 minutes"


def test_since_env_and_pause_come_back_as_arguments() -> None:
    found = parsed(since="2h", env="prod", live="0")
    assert found.args() == {"since": "2h", "env": "prod", "live": "0"}
    assert found.label == "Last 2h"


def test_an_absolute_range_is_fixed_and_comes_back_exactly() -> None:
    found = parse_scope({"from": "2026-11-22T10:00:00Z", "to": "2026-11-22T10:05:00Z"}, NOW, UTC)
    assert found.window.duration_ns == 300 * S
    assert not found.live
    again = parse_scope(found.args(), NOW, UTC)
    assert again.window == found.window


def test_times_without_a_zone_are_the_readers() -> None:
    berlin = parse_scope(
        {"from": "2026-11-22T11:00:00", "to": "2026-11-22T11:05"}, NOW, ZoneInfo("Europe/Berlin")
    )
    utc = parse_scope({"from": "2026-11-22T10:00:00", "to": "2026-11-22T10:05"}, NOW, UTC)
    assert berlin.window == utc.window


def test_nanoseconds_and_milliseconds_are_times() -> None:
    found = parse_scope({"from": str(NOW - S), "to": str(NOW)}, NOW, UTC)
    assert found.window == Window(NOW - S, NOW)
    assert parse_scope({"from": str((NOW - S) // 10**6), "to": str(NOW)}, NOW, UTC).window == found.window


@pytest.mark.parametrize(
    "args",
    [
        {"since": "soon"},
        {"since": "0m"},
        {"since": "20001d"},
        {"from": "yesterday"},
        {"from": "2026-11-22T10:00:00Z", "to": "2026-11-22T09:00:00Z"},
        {"from": "9" * 40},
        {"to": "-5"},
    ],
)
def test_what_cannot_be_read_is_refused_with_what_is_allowed(args: dict[str, str]) -> None:
    with pytest.raises(Malformed, match=r"write|earlier"):
        parse_scope(args, NOW, UTC)


def test_a_permalink_has_absolute_times_and_the_pages_own_arguments() -> None:
    header = build(
        "/logs", [("q", "token"), ("since", "1h"), ("cursor", "x")], parsed(since="1h"), "auto", (), "logs"
    )
    assert "q=token" in header.permalink
    assert "from=2026-11-22T09" in header.permalink
    assert "since" not in header.permalink
    assert "cursor" not in header.permalink


def test_choosing_a_range_keeps_filters_and_drops_the_old_range() -> None:
    header = build(
        "/logs", [("q", "a"), ("from", "1"), ("to", "2")], parsed(env="prod"), "auto", ["prod"], "logs"
    )
    hour = next(choice for choice in header.ranges if choice.label == "Last hour")
    assert hour.href == "/logs?q=a&env=prod&since=1h"
    assert [choice.current for choice in header.environments] == [False, True]


def test_an_environment_that_is_not_seen_now_stays_chosen() -> None:
    header = build("/rum", [], parsed(env="gone"), "dark", ["prod"], "rum")
    assert [(choice.label, choice.current) for choice in header.environments][-1] == ("gone", True)


def test_a_range_below_a_second_is_said_to_the_millisecond() -> None:
    """Both fields said the same time, and the form refused its own range."""
    exact = parse_scope({"from": "2026-11-22T10:00:00.250Z", "to": "2026-11-22T10:00:00.900Z"}, NOW, UTC)
    header = build("/rum", [], exact, "auto", (), "rum")
    assert (header.range_from, header.range_to) == ("2026-11-22T10:00:00.250", "2026-11-22T10:00:00.900")
    assert header.range_step == "0.001"
    assert exact.label == "10:00:00.250 \u2013 10:00:00.900 UTC"
    again = parse_scope({"from": header.range_from, "to": header.range_to}, NOW, UTC)
    assert again.window == exact.window


def test_a_fixed_range_names_its_zone() -> None:
    fixed = parse_scope(
        {"from": "2026-11-22T11:00:00", "to": "2026-11-22T11:05"}, NOW, ZoneInfo("Europe/Berlin")
    )
    assert fixed.label.endswith("11:05:00 CET")
    assert build("/rum", [], fixed, "auto", (), "rum").zone_offset_min == 60


@pytest.mark.parametrize("length_s", [1, 3, 900, 86_400])
def test_steps_through_time_never_go_below_a_second_nor_lose_the_middle(length_s: int) -> None:
    window = Window(NOW - 2 * length_s * S, NOW - length_s * S)
    steps = dict(nearby_ranges(window, NOW))
    assert {"Earlier", "Later", "Zoom out"} <= steps.keys()
    assert ("Zoom in" in steps) == (length_s > 1)
    for step in steps.values():
        assert step.duration_ns >= S
    middle = (window.from_unix_nano + window.to_unix_nano) // 2
    assert steps["Zoom out"].from_unix_nano <= window.from_unix_nano
    if "Zoom in" in steps:
        assert steps["Zoom in"].from_unix_nano <= middle <= steps["Zoom in"].to_unix_nano


def test_steps_of_the_last_minutes_end_now() -> None:
    assert "Later" not in dict(nearby_ranges(Window(NOW - 900 * S, NOW + 1), NOW))


def test_a_range_that_ends_before_it_begins_keeps_what_was_typed_and_offers_the_exchange() -> None:
    args = [("q", "a"), ("from", "2026-11-22T11:00"), ("to", "2026-11-22T10:00"), ("env", "prod")]
    header = build("/logs", args, parsed(env="prod"), "auto", (), "logs", bad_range=True)
    assert header.range_from == "2026-11-22T11:00:00"
    assert header.range_to == "2026-11-22T10:00:00"
    assert header.exchange_href == "/logs?q=a&from=2026-11-22T10%3A00&to=2026-11-22T11%3A00&env=prod"
    soon = build("/logs", [("from", "soon"), ("to", "x")], parsed(), "auto", (), "logs", bad_range=True)
    assert (soon.range_from, soon.exchange_href) == ("soon", "")
