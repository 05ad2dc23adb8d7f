"""Time as places on a line, with idle stretches cut short."""

from __future__ import annotations

import pytest

from observer.screens.rum.session.compressed_time import scale

S = 1_000_000_000


def test_without_idle_time_places_are_proportional() -> None:
    line = scale([(0, S // 2), (S // 2, S)])
    assert not line.breaks
    assert [line.at(t) for t in (0, S // 4, S)] == [0, 25, 100]


def test_a_long_idle_stretch_is_cut_and_told() -> None:
    line = scale([(0, S), (61 * S, 62 * S)])
    assert [cut.idle_ns for cut in line.breaks] == [60 * S]
    assert line.at(S) == pytest.approx(48)
    assert line.at(61 * S) == pytest.approx(52)
    assert line.at(62 * S) == pytest.approx(100)


def test_a_moment_within_a_cut_lies_at_its_beginning() -> None:
    line = scale([(0, S), (61 * S, 62 * S)])
    assert line.at(30 * S) == pytest.approx(48)


def test_a_single_moment_keeps_a_little_room() -> None:
    line = scale([(0, 10 * S), (100 * S, 100 * S)])
    assert line.at(100 * S) < 100
    assert line.pieces[-1].width > 1


def test_places_never_leave_the_line_nor_go_backwards() -> None:
    line = scale([(i * 7 * S, i * 7 * S + (i % 3) * S) for i in range(200)])
    places = [line.at(t * S) for t in range(-5, 1500, 3)]
    assert places == sorted(places)
    assert min(places) >= 0
    assert max(places) <= 100.0001
    assert len(line.breaks) <= 12


def test_nothing_has_a_scale_of_nothing() -> None:
    assert scale([]).at(5) == 100
