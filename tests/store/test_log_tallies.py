"""Logs are counted by blocks and by stretches: the same as counting each of them."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from store.sqlite.log_parts import LogKind, Pieces, Table, joined
from store.sqlite.read.log_order import Counted, Stretch
from store.sqlite.read.log_tallies import Found, tally_of

SEEDS = range(40)


def _table(draw: random.Random) -> Table:
    """Up to 60 logs of up to five severities, mostly of one."""
    many = draw.randrange(1, 60)
    severities = [9, *(draw.choice((0, 9, 13, 17, 21)) for _ in range(draw.randrange(4)))]
    kinds = [LogKind("shop", severity, f"s{place}", 1, 2, 0, 0) for place, severity in enumerate(severities)]
    places = [draw.choice((0, 0, draw.randrange(len(kinds)))) for _ in range(many)]
    return Table(list(range(many)), sorted(draw.randrange(99) for _ in range(many)), places, kinds)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_tally_says_how_many_of_a_stretch_have_each_severity(seed: int) -> None:
    """Of all logs of a block, or of those that match."""
    draw = random.Random(seed)
    table = _table(draw)
    many = len(table.seqs)
    some = sorted(draw.sample(range(many), draw.randrange(1, many + 1)))
    for places in (range(many), some):
        tally = tally_of(table, places)
        column = [table.kinds[table.places[place]].severity for place in places]
        for _ in range(20):
            begin = draw.randrange(len(places) + 1)
            end = draw.randrange(begin, len(places) + 1)
            assert Counter(dict(tally.between(begin, end))) == Counter(column[begin:end])
        found = Found(places)
        assert found.tallied(table) == tally
        assert dict(found.all) == Counter(column)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_nth_log_of_blocks_is_that_of_all_their_logs(seed: int) -> None:
    """Blocks overlap, have equal keys, and are looked at only around the log that is sought."""
    draw = random.Random(seed)
    step = draw.choice((1, 30, 200))
    blocks = [
        sorted(draw.randrange(first, first + 100) for _ in range(draw.randrange(1, 30)))
        for first in range(0, 10 * step, step)
    ]
    blocks.sort(key=lambda keys: keys[0])
    every = sorted(key for keys in blocks for key in keys)
    number = draw.randrange(1, len(every) + 5)
    counted = Counted[int]()
    for place, keys in enumerate(blocks):
        if counted.are_before(keys[0]) >= number:
            break
        counted.add(Stretch(keys[0], keys[-1], place, range(len(keys))))
    looked: list[int] = []

    def keys_of(block: int, places: object) -> list[int]:
        looked.append(block)
        return blocks[block]

    found = counted.nth(number, keys_of)
    assert found == (every[number - 1] if number <= len(every) else None)
    if step == 200:
        assert len(looked) <= 1


@pytest.mark.parametrize("seed", SEEDS)
def test_pieces_with_bytes_are_those_that_hold_them(seed: int) -> None:
    """Rare or in each, one or several, across two pieces, empty pieces and empty bytes."""
    draw = random.Random(seed)
    often = draw.choice((0.02, 0.3, 0.9))
    texts = [
        b" ".join(draw.choice((b"one", b"two", b"")) if draw.random() < often else b"x" for _ in range(3))
        for _ in range(draw.randrange(1, 120))
    ]
    pieces: Pieces = joined([*texts, b""])
    for needles in ((b"one",), (b"one", b"two"), (b"x x", b"one"), (b"",), (b"xo",), (b"none",)):
        held = [place for place, text in enumerate([*texts, b""]) if all(each in text for each in needles)]
        assert pieces.with_bytes(*needles) == held
