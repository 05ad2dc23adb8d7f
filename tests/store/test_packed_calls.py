"""The calls of a trace, as they are packed beside its summary."""

from __future__ import annotations

import random

import pytest

from store.sqlite.packed_calls import StoredCall, pack_calls, unpack_calls
from store.sqlite.table_layout import INFERRED, REPORTED
from tests.store.build import T0


@pytest.mark.parametrize("number", [0, 1, 40, 2_000])
def test_calls_come_back_as_they_were(number: int) -> None:
    """In their order, though few or many, and of clocks that are years apart."""
    draw = random.Random(number)
    names = ["shop", "bänk", "", "\n'\"", "x" * 300]
    calls: list[StoredCall] = [
        (
            draw.choice(names),
            draw.choice(names),
            T0 + draw.randrange(-(10**18), 10**18),
            draw.randrange(2**62),
            draw.randrange(2),
            draw.choice([REPORTED, INFERRED]),
        )
        for _ in range(number)
    ]
    assert unpack_calls(pack_calls(calls, T0), T0) == calls


def test_calls_of_a_usual_trace_take_a_third_of_their_json() -> None:
    """As JSON, they took 1.8 kB of a trace of 40 spans."""
    calls: list[StoredCall] = [
        (f"service-{n % 8}", f"service-{n % 5}", T0 + n * 1_234_567, 7_654_321 * (n % 9), 0, REPORTED)
        for n in range(25)
    ]
    assert len(pack_calls(calls, T0)) < 600


def test_the_form_of_schema_6_is_read() -> None:
    assert unpack_calls('[["a","b",7,8,1,"r"]]', T0) == [("a", "b", 7, 8, 1, "r")]
