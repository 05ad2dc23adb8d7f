"""The form of a trace is found out once for all traces that have it."""

from __future__ import annotations

import random

import pytest

from signals import trace_form
from signals.trace_form import ABSENT, form_of


def _drawn(seed: int) -> tuple[list[int], list[int], list[str]]:
    """Parents of any kind: in a circle, missing, the span itself."""
    rng = random.Random(seed)
    count = rng.randrange(1, 60)
    parents = [rng.randrange(ABSENT - 3, count) for _ in range(count)]
    return parents, [rng.randrange(6) for _ in parents], [rng.choice("abc") for _ in parents]


@pytest.mark.parametrize("seed", range(20))
def test_a_form_that_is_kept_is_the_one_that_would_be_made(seed: int) -> None:
    parents, kinds, services = _drawn(seed)
    found = form_of(parents, kinds, services)
    assert form_of(list(parents), list(kinds), list(services)) is found
    assert found == trace_form._made(tuple(parents), tuple(kinds), tuple(services))


def test_traces_that_differ_in_one_span_have_forms_of_their_own() -> None:
    one = form_of([ABSENT, 0], [2, 3], ["a", "a"])
    assert one.calls == [(1, "a", None)]
    assert form_of([ABSENT, 0], [2, 2], ["a", "b"]).calls == [(1, "a", "b")]
    assert form_of([ABSENT - 1, 0], [1, 3], ["a", "a"]).lost == [True, False]
    assert form_of([ABSENT, 0], [2, 3], ["a", "a"]).lost == [False, False]


def test_of_large_traces_nothing_is_kept() -> None:
    """They would fill the memory, and hardly two have the same form."""
    many = 1_000
    before = trace_form._kept.cache_info().currsize
    found = form_of(list(range(ABSENT, many - 1)), [1] * many, ["a"] * many)
    assert found.depths == list(range(many))
    assert trace_form._kept.cache_info().currsize == before
