"""How often codes may be tried: per address and in all, in bounded memory."""

from __future__ import annotations

from observer.request.attempt_limit import AttemptLimit

S = 10**9
NOW = 10**18


def test_an_address_waits_until_its_oldest_attempt_leaves_the_window() -> None:
    """Whole seconds, never less than what remains; refused attempts are not counted."""
    limit = AttemptLimit(per_address=2, in_all=9, window_s=10)
    assert [limit.count("10.0.0.1", NOW + n * S) for n in range(2)] == [0, 0]
    assert [limit.count("10.0.0.1", NOW + 4 * S + 1) for _ in range(3)] == [6, 6, 6]
    assert limit.count("10.0.0.2", NOW + 4 * S) == 0
    assert limit.count("10.0.0.1", NOW + 10 * S) == 0


def test_a_right_attempt_is_taken_back() -> None:
    """One's own newest only."""
    limit = AttemptLimit(per_address=2, in_all=3, window_s=10)
    for n in range(20):
        assert limit.count("10.0.0.1", NOW + n) == 0
        limit.take_back("10.0.0.1")
    limit.take_back("10.0.0.9")
    assert limit.count("10.0.0.1", NOW + 21) == limit.count("10.0.0.1", NOW + 22) == 0
    assert limit.count("10.0.0.1", NOW + 23) > 0


def test_all_together_wait_except_at_the_machine() -> None:
    """Loopback has its own count, and is counted among all."""
    limit = AttemptLimit(per_address=3, in_all=4, window_s=10)
    assert [limit.count(f"10.0.0.{n}", NOW) for n in range(5)] == [0, 0, 0, 0, 10]
    assert [limit.count("127.0.0.1", NOW) for _ in range(4)] == [0, 0, 0, 10]
    assert limit.count("::1", NOW) == 0


def test_a_network_of_ipv6_is_one_address() -> None:
    """A household has 2^64 of them."""
    limit = AttemptLimit(per_address=2, in_all=99, window_s=10)
    assert [limit.count(f"2001:db8:0:1::{n:x}", NOW) for n in range(3)] == [0, 0, 10]
    assert limit.count("2001:db8:0:2::1", NOW) == 0


def test_memory_is_bounded_and_a_clock_that_goes_back_shuts_nobody_out() -> None:
    """Many addresses push out the oldest; attempts of the future are forgotten."""
    limit = AttemptLimit(per_address=1, in_all=10**6, window_s=10)
    for n in range(5_000):
        assert limit.count(f"10.{n // 62_500}.{n // 250 % 250}.{n % 250}", NOW) == 0
    assert len(limit._by_address) == 1_000
    assert limit.count("10.0.19.249", NOW) == 10
    assert limit.count("10.0.19.249", NOW - 3600 * S) == 0
    assert limit.count("no address", NOW) == 0
