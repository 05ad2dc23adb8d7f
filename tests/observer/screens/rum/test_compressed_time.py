"""The time axis of a session, on which idle stretches are cut short."""

from __future__ import annotations

import pytest

from observer.screens.rum.session.compressed_time import time_scale

S = 1_000_000_000


def test_without_idle_time_positions_are_proportional() -> None:
    scale = time_scale([(0, S // 2), (S // 2, S)])
    assert not scale.breaks
    assert [scale.percent_at(t) for t in (0, S // 4, S)] == [0, 25, 100]


def test_a_long_idle_stretch_is_cut_to_a_fixed_width() -> None:
    scale = time_scale([(0, S), (61 * S, 62 * S)])
    assert [cut.idle_ns for cut in scale.breaks] == [60 * S]
    assert scale.percent_at(S) == pytest.approx(48)
    assert scale.percent_at(61 * S) == pytest.approx(52)
    assert scale.percent_at(62 * S) == pytest.approx(100)


def test_a_moment_within_a_cut_lies_at_its_beginning() -> None:
    scale = time_scale([(0, S), (61 * S, 62 * S)])
    assert scale.percent_at(30 * S) == pytest.approx(48)


def test_a_single_moment_keeps_a_visible_width() -> None:
    scale = time_scale([(0, 10 * S), (100 * S, 100 * S)])
    assert scale.percent_at(100 * S) < 100
    assert scale.pieces[-1].width > 1


def test_positions_never_leave_the_axis_nor_go_backwards() -> None:
    scale = time_scale([(i * 7 * S, i * 7 * S + (i % 3) * S) for i in range(200)])
    positions = [scale.percent_at(t * S) for t in range(-5, 1500, 3)]
    assert positions == sorted(positions)
    assert min(positions) >= 0
    assert max(positions) <= 100.0001
    assert len(scale.breaks) <= 12


def test_without_events_every_moment_lies_at_an_end() -> None:
    assert time_scale([]).percent_at(5) == 100
