"""Where the times of a batch are filed, decided from its arrival: docs/adr/020-senders-clock.md."""

from __future__ import annotations

import pytest

from store.api import Batch
from store.sender_clocks import Claim, Pause, SenderClocks
from tests.store.build import SECOND, T0, log_row
from tests.store.build_metrics import metric_row

MIN = 60 * SECOND
DAY = 86_400 * SECOND
YEAR = 365 * DAY
BACKEND, OTHER, SESSION = b"a service", b"another", "a session"


def shifts(clocks: SenderClocks, *times: int, at: int = 0, sender: str | bytes = BACKEND) -> list[int]:
    """The shifts of one batch, in which each item is a trace of its own; all relative to T0."""
    claims = [Claim(sender, number, T0 + time) for number, time in enumerate(times)]
    return list(clocks.shifts(claims, T0 + at))


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([-SECOND, 0], [0, 0]),
        ([4 * SECOND], [0]),
        ([9 * MIN - SECOND, 9 * MIN], [-9 * MIN, -9 * MIN]),
        ([173 * YEAR], [-173 * YEAR]),
        ([-SECOND, 173 * YEAR], [0, -173 * YEAR]),
        ([9 * MIN, 173 * YEAR], [-9 * MIN, -173 * YEAR]),
        ([-25 * YEAR, -SECOND], [25 * YEAR, 0]),
        ([-20 * MIN], [20 * MIN]),
        ([-20 * MIN - SECOND, -20 * MIN], [20 * MIN, 20 * MIN]),
        ([-22 * MIN, -20 * MIN], [0, 0]),
        ([-55 * MIN], [0]),
        ([-30 * DAY, -30 * DAY + MIN], [0, 0]),
        ([-10 * MIN, -5 * MIN, -SECOND], [0, 0, 0]),
        ([-8 * SECOND, -SECOND, 6 * SECOND], [-6 * SECOND] * 3),
    ],
    ids=[
        "on time", "a little ahead", "fast", "a stray", "a stray among others", "a stray of a fast clock",
        "an old stray", "first words of a slow clock", "of two spans", "a backlog", "an hour late",
        "imported", "a slow exporter", "a batch that crosses its arrival",
    ],
)  # fmt: skip
def test_one_batch(times: list[int], expected: list[int]) -> None:
    """What is ahead of its arrival is moved by one offset, strays alone; what is behind is kept."""
    assert shifts(SenderClocks(), *times) == expected


def test_a_batch_that_comes_again_after_a_rollback_is_moved_once() -> None:
    """Six seconds ahead, the offset would fit a second time."""
    clocks = SenderClocks()
    batch = Batch(logs=[log_row("x", ms=6_000)], arrived_unix_nano=T0)
    for _ in range(2):
        clocks.place(batch)
    assert [log.time_unix_nano for log in batch.logs] == [T0]


def test_a_fast_clock_keeps_one_offset() -> None:
    """Batches wait for different times before they are sent: the order between them stays."""
    clocks = SenderClocks()
    assert shifts(clocks, 9 * MIN) == [-9 * MIN]
    assert shifts(clocks, 9 * MIN + 3 * SECOND, at=5 * SECOND) == [-9 * MIN]
    assert shifts(clocks, 9 * MIN + 11 * SECOND, at=10 * SECOND) == [-9 * MIN]


def test_a_clock_that_was_set_is_believed_again() -> None:
    """At once, as its times fit their arrival."""
    clocks = SenderClocks()
    shifts(clocks, 9 * MIN)
    assert shifts(clocks, 20 * SECOND, at=21 * SECOND) == [0]


def test_who_is_known_is_late_and_has_no_slow_clock() -> None:
    """A retried export, and what a page sends that slept: one late batch proves nothing."""
    asked: list[str | bytes] = []

    def is_known(sender: str | bytes) -> bool:
        asked.append(sender)
        return True

    assert shifts(SenderClocks(is_known), -20 * MIN) == [0]
    assert shifts(SenderClocks(is_known), -20 * MIN, sender=SESSION) == [0]
    assert asked == [BACKEND, SESSION]
    assert shifts(SenderClocks(is_known), -SECOND) == [0]
    assert len(asked) == 2, "nobody who is on time is looked up"


def test_first_words_from_a_pause_of_the_collector_have_waited() -> None:
    """A sender that began while the collector was down tells of then, soon after its start."""
    pause = Pause(T0 - 40 * MIN, T0 - MIN)
    assert shifts(SenderClocks(pause=pause), -20 * MIN) == [0]
    assert shifts(SenderClocks(pause=pause), -45 * MIN) == [45 * MIN]
    late = SenderClocks(pause=Pause(T0 - 40 * MIN, T0 - 11 * MIN))
    assert shifts(late, -20 * MIN) == [20 * MIN]


def test_the_first_words_of_a_slow_clock_set_its_offset() -> None:
    """What comes next has the same, after a minute of silence, too."""
    clocks = SenderClocks()
    assert shifts(clocks, -20 * MIN) == [20 * MIN]
    for at in (3, 90, 400):
        assert shifts(clocks, -20 * MIN + at * SECOND, at=at * SECOND + 10**8) == [20 * MIN]


@pytest.mark.parametrize(("sender", "restated"), [(SESSION, [(SESSION, -20 * MIN)]), (BACKEND, [])])
def test_who_is_on_time_after_late_first_words_was_late(
    sender: str | bytes, restated: list[tuple[str, int]]
) -> None:
    """A session is moved back; the first batch of a backend stays at its arrival, as its note says."""
    clocks = SenderClocks()
    assert shifts(clocks, -20 * MIN, sender=sender) == [20 * MIN]
    assert shifts(clocks, 2 * SECOND, at=3 * SECOND, sender=sender) == [0]
    assert [tuple(one) for one in clocks.take_restated()] == restated
    assert shifts(clocks, 60 * SECOND, at=61 * SECOND, sender=sender) == [0]


def test_a_clock_that_is_set_after_its_proof_moves_nothing_back() -> None:
    clocks = SenderClocks()
    shifts(clocks, -20 * MIN, sender=SESSION)
    shifts(clocks, -20 * MIN + 30 * SECOND, at=30 * SECOND, sender=SESSION)
    assert shifts(clocks, 60 * SECOND, at=61 * SECOND, sender=SESSION) == [0]
    assert not clocks.take_restated()


def test_metrics_may_hand_on_the_times_of_a_source() -> None:
    """A source that is asked now and then is late, and its sender's clock is right."""
    batch = Batch(metrics=[metric_row("m", 1.0, seconds=-1_200)], arrived_unix_nano=T0)
    SenderClocks().place(batch)
    assert [one.time_unix_nano for one in batch.metrics] == [T0 - 20 * MIN]


def test_a_constant_lag_proves_a_browsers_clock_slow() -> None:
    """And what came before is to be moved as well."""
    clocks = SenderClocks(lambda _: True)
    assert shifts(clocks, -20 * MIN, sender=SESSION) == [0]
    assert not clocks.take_restated()
    (shift,) = shifts(clocks, -20 * MIN + 3 * SECOND, at=3 * SECOND + 10**8, sender=SESSION)
    assert abs(shift - 20 * MIN) < SECOND
    assert [tuple(one) for one in clocks.take_restated()] == [(SESSION, shift)]
    assert shifts(clocks, -20 * MIN + 300 * SECOND, at=301 * SECOND, sender=SESSION) == [shift]


def test_a_page_that_slept_has_no_slow_clock() -> None:
    """Its first beacons are an hour late, all at once, and the next are on time."""
    clocks = SenderClocks()
    assert shifts(clocks, -60 * MIN, sender=SESSION) == [0]
    assert shifts(clocks, -60 * MIN + SECOND, at=10**7, sender=SESSION) == [0]
    assert shifts(clocks, 2 * SECOND, at=3 * SECOND, sender=SESSION) == [0]
    assert not clocks.take_restated()


def test_a_queue_that_drains_has_no_slow_clock() -> None:
    """A sender that was offline for an hour sends five minutes of it each second."""
    clocks = SenderClocks()
    for second in range(12):
        assert shifts(clocks, -60 * MIN + second * 5 * MIN, at=second * SECOND) == [0]


def test_a_backends_constant_lag_proves_its_clock_slow() -> None:
    """After three batches within ten seconds or more, where it is known: it may have been offline."""
    clocks = SenderClocks(lambda _: True)
    assert shifts(clocks, -20 * MIN) == [0]
    assert shifts(clocks, -20 * MIN + 5 * SECOND, at=5 * SECOND) == [0]
    assert shifts(clocks, -20 * MIN + 10 * SECOND, at=10 * SECOND) == [20 * MIN]


def test_a_trace_in_which_another_sender_is_on_time_is_left_as_claimed() -> None:
    """The disagreement is to be seen in it; but not by years."""
    clocks = SenderClocks()
    batch = [
        Claim(BACKEND, "one", T0),
        Claim(OTHER, "one", T0 + 5 * MIN),
        Claim(OTHER, "two", T0 + 5 * MIN),
        Claim(b"third", "one", T0 + 173 * YEAR),
    ]
    assert list(clocks.shifts(batch, T0)) == [0, 0, -5 * MIN, -173 * YEAR]
