"""How times are written."""

from __future__ import annotations

from datetime import UTC

import pytest

from observer.components import time_format
from observer.request.local_time import zone_of


def test_times_are_written_in_the_readers_zone() -> None:
    unix_nano = 1_795_343_067_482_000_000
    assert time_format.clock(unix_nano, UTC) == "10:24:27.482"
    assert time_format.stamp(unix_nano, zone_of("Europe/Berlin")) == "2026-11-22 11:24:27"
    assert time_format.iso(unix_nano) == "2026-11-22T10:24:27.482000Z"


def test_an_unknown_zone_is_this_machines_own() -> None:
    assert zone_of("Middle/Earth") == zone_of(None)


def test_times_beyond_any_calendar_do_not_break_a_page() -> None:
    assert time_format.stamp(2**63, UTC).startswith("9999") or time_format.stamp(2**63, UTC).startswith(
        "2262"
    )


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "just now"),
        (12, "12 s ago"),
        (200, "3 min ago"),
        (7300, "2 h ago"),
        (200_000, "2 d ago"),
        (-9, "in 9 s"),
    ],
)
def test_the_past_is_told_coarsely(seconds: int, written: str) -> None:
    assert time_format.ago(10**18 - seconds * 10**9, 10**18) == written
