"""The events of a window, and among them those that only the desk may see."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

import classroom
from observer.lookup.deployments import find_deployments
from store.api import Deployment, Page, Reader, Window

WINDOW = Window(100, 200)


class Told:
    """A reader that knows these times, newest first."""

    def __init__(self, *times: int, environment: str = "lab") -> None:
        self._found = [_told(at, environment) for at in sorted(times, reverse=True)]

    def deployments(self, window: Window, limit: int = 200) -> Page[Deployment]:
        return Page(self._found[:limit], None, len(self._found) > limit)


def _told(at: int, environment: str) -> Deployment:
    return Deployment(f"log {at}", at, "deployment", "x", "", "shop", "", "", environment, "", "")


def hidden(*times: int, seat: str = "") -> Sequence[classroom.Deployment]:
    return [classroom.Deployment(at, "incident", seat=seat) for at in times]


def found(
    reader: Told, secret: Sequence[classroom.Deployment], environment: str | None = None, limit: int = 10
) -> tuple[list[tuple[int, str]], bool]:
    asked: Reader = reader  # type: ignore[assignment]
    page = find_deployments(asked, WINDOW, environment, limit, hidden=secret)
    return [(one.time_unix_nano, one.log_id) for one in page.items], page.truncated


def test_what_is_hidden_stands_among_the_others_newest_first() -> None:
    assert found(Told(110, 130), hidden(120)) == ([(130, "log 130"), (120, ""), (110, "log 110")], False)


@pytest.mark.parametrize("at", [99, 200])
def test_what_is_hidden_outside_the_window_is_left_out(at: int) -> None:
    assert found(Told(110), hidden(at)) == ([(110, "log 110")], False)


def test_what_was_told_meanwhile_counts_once() -> None:
    """By its time and seat: another seat's is another event."""
    assert found(Told(110), hidden(110))[0] == [(110, "log 110")]
    assert len(found(Told(110), hidden(110, seat="anna"))[0]) == 2


def test_the_limit_holds_for_both_together() -> None:
    """An event that was told and lies beyond the limit does not come back as a hidden one."""
    assert found(Told(110, 120, 130), hidden(110, 140), limit=2) == ([(140, ""), (130, "log 130")], True)


def test_what_is_hidden_belongs_to_every_environment() -> None:
    assert found(Told(110, environment="other"), hidden(120), "lab") == ([(120, "")], False)


def test_a_seat_is_shown_what_concerns_all_and_itself() -> None:
    """However many of others stand between; whoever has no seat, what concerns all."""
    others = hidden(*range(111, 190), seat="ben")
    own = [*hidden(105, seat="anna"), *hidden(104)]
    asked: Reader = Told(103)  # type: ignore[assignment]

    def times(seat: str | None) -> list[int]:
        page = find_deployments(asked, WINDOW, None, 10, hidden=[*others, *own], for_seat=seat)
        return [one.time_unix_nano for one in page.items]

    assert times("anna") == [105, 104, 103]
    assert times("") == [104, 103]
    assert len(times(None)) == 10
