"""Words for the part of a time range that has data, and for its gaps."""

from __future__ import annotations

from datetime import UTC

import pytest

from observer.components.data_time import data_time
from observer.components.measures import per_minute
from store.api import Coverage, Gap, Window

S = 1_000_000_000
T = 1_800_000_000 * S  # 08:00:00 UTC
WINDOW = Window(T, T + 900 * S)


def gap(begin: int, end: int, collector: str = "ran", **more: object) -> Gap:
    return Gap(T + begin * S, T + end * S, collector, **more)  # type: ignore[arg-type]


def test_a_rate_is_of_the_time_that_has_data() -> None:
    """Five minutes of load in a range of fifteen."""
    found = data_time(Coverage(300 * S, (gap(0, 300), gap(600, 900))), WINDOW, T + 900 * S, UTC)
    assert per_minute(60, found.rate_ns) == "12"
    assert found.sentence == "Rates are of the 5 min that have data, from 08:05:00 on."
    assert [text.partition(":00:")[0] for text in found.gaps] == [
        "No request before 08:05",
        "No request since 08:10",
    ]


def test_a_range_that_has_data_throughout_needs_no_word() -> None:
    found = data_time(Coverage(900 * S), WINDOW, T + 900 * S, UTC)
    assert (found.rate_ns, found.sentence, found.gaps) == (900 * S, "", ())


def test_three_requests_in_a_second_are_no_rate_of_180() -> None:
    found = data_time(Coverage(10 * S, (gap(0, 890),)), WINDOW, T + 900 * S, UTC)
    assert per_minute(3, found.rate_ns) == "3.0"
    assert per_minute(3, data_time(Coverage(5 * S), Window(T, T + 5 * S), T, UTC).rate_ns) == "36"


@pytest.mark.parametrize(
    ("hole", "down", "words"),
    [
        (gap(300, 400), (), "from 08:05:00 to 08:06:40: the collector ran, and nothing at all arrived"),
        (gap(300, 400, other_telemetry=True), (), "what sends was up: nobody asked anything of it"),
        (gap(300, 400, "unknown"), (), "no record says whether the collector ran"),
        (gap(600, 900), ("frontend",), "since 08:10:00: of the lab's processes, frontend is not running now"),
        (gap(300, 400), ("frontend",), "the collector ran"),
        (gap(0, 400, "down", up_again_unix_nano=T + 390 * S), (), "the collector began to run at 08:06:30"),
        (gap(300, 900, "down", down_since_unix_nano=T), (), "the collector has not run since 08:00:00"),
        (
            gap(300, 400, "down", down_since_unix_nano=T + 300 * S, up_again_unix_nano=T + 390 * S),
            (),
            "the collector did not run from 08:05:00 to 08:06:30",
        ),
    ],
)
def test_a_gap_says_what_is_known_of_it(hole: Gap, down: tuple[str, ...], words: str) -> None:
    """Whether nothing came, the shop was down, or the collector was."""
    (text,) = data_time(Coverage(500 * S, (hole,)), WINDOW, T + 900 * S, UTC, down).gaps
    assert words in text


def test_many_gaps_are_summed_up() -> None:
    gaps = tuple(gap(100 * n, 100 * n + 61 + n) for n in range(1, 7))
    found = data_time(Coverage(400 * S, gaps), WINDOW, T + 900 * S, UTC).gaps
    assert len(found) == 4
    assert found[-1] == "3 shorter gaps more."
