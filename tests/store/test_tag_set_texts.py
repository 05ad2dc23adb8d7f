"""Texts of tag sets in memory: what is found by looking at each set is found, whatever of them is held."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

import orjson
import pytest

from store.sqlite.read import tag_set_texts
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.shared import Shared
from store.sqlite.read.tag_set_texts import TagSetTexts
from store.tag_sets import values_in

_SETS: Sequence[Mapping[str, str | list[str]]] = [
    {":service": "shop", "version": "v1"},
    {":service": "shop", "version": ["v1", "v2"]},
    {":service": "shop", "version": "v10"},
    {":service": 'say "version":"v1"', "version": "v2"},
    {":calls": ["version=v1"], ":service": "cart"},
    {":service": "pay", "enduser.id": "v1"},
    {":service": 'odd"', "version": ["größe\n", '"']},
    {":service": "größe\n", "version": '"'},
]


def _session(sets: Sequence[Mapping[str, str | list[str]]], first: int = 1) -> ReadSession:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE tagsets (id INTEGER PRIMARY KEY, body TEXT)")
    bodies = [orjson.dumps(tags, option=orjson.OPT_SORT_KEYS).decode() for tags in sets]
    # Numbers have gaps, as sets are pruned.
    connection.executemany(
        "INSERT INTO tagsets VALUES (?, ?)", [(3 * place + first, body) for place, body in enumerate(bodies)]
    )
    return ReadSession(connection, Shared())


@pytest.mark.parametrize("most_bytes", [0, 60, 120, 10_000])
@pytest.mark.parametrize("above", [0, 1, 7, 8, 100])
def test_what_carries_a_value_is_found_whatever_is_held(most_bytes: int, above: int) -> None:
    """Alone or as one of several values; candidates may be more, those that carry it are never missing."""
    db = _session(_SETS)
    texts = TagSetTexts(most_bytes)
    for tag in ("version", ":service", "enduser.id"):
        for value in ("v1", "v2", "v", "größe\n", '"', "shop", 'say "version":"v1"'):
            expected = {
                3 * place + 1
                for place, tags in enumerate(_SETS)
                if 3 * place + 1 > above and value in values_in(tags, tag)
            }
            found = texts.carrying(db, tag, value, above)
            assert expected <= {number for number, _ in found}, (tag, value)
            assert all(number > above for number, _ in found)
            for number, body in found:
                assert orjson.loads(body) == _SETS[number // 3], "each comes with its own text"


@pytest.mark.parametrize("most_bytes", [0, 60, 120, 10_000])
@pytest.mark.parametrize("at_once", [1, 70, 10_000])
def test_a_text_in_any_case_is_found_whatever_is_held(
    most_bytes: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sets with other characters than ASCII are always candidates; of the others, those that hold it."""
    monkeypatch.setattr(tag_set_texts, "_FOLDED_AT_ONCE", at_once)
    db = _session([{"version": "V1", "of": "Shop"}, *_SETS, {"version": "shop"}])
    texts = TagSetTexts(most_bytes)
    for _ in range(2):
        assert texts.that_may_hold(db, "shop") == [1, 4, 7, 10, 22, 25, 28]
        assert texts.that_may_hold(db, "v1") == [1, 4, 7, 10, 13, 16, 19, 22, 25]
        assert texts.that_may_hold(db, "nobody") == [22, 25]


def test_only_lists_are_given_to_be_looked_at_again() -> None:
    """A value that begins alike, is another tag's or is quoted in a text is no candidate."""
    found = TagSetTexts().carrying(_session(_SETS), "version", "v1", 0)
    assert {number for number, _ in found} == {1, 4, 19}


@pytest.mark.parametrize("most_bytes", [0, 120, 10_000])
def test_the_value_of_any_tag_is_found(most_bytes: int) -> None:
    found = TagSetTexts(most_bytes).holding(_session(_SETS), "v1", 0)
    assert {number for number, _ in found} == {1, 4, 16}


def test_memory_is_bounded_and_the_newest_are_held() -> None:
    """When it is full the older half goes; sets that came since the last question are read then."""
    texts = TagSetTexts(1_000)
    db = _session([{":service": "shop", "version": f"v{number}"} for number in range(500)])
    for _ in range(2):
        assert [number for number, _ in texts.carrying(db, "version", "v0", 0)] == [1]
        assert [number for number, _ in texts.carrying(db, "version", "v499", 0)] == [1498]
    assert len(texts._text) <= 1_000
    assert texts._numbers[-1] == 1498
    newer = _session([{":service": "shop", "version": "v0"}], first=2_000)
    assert [number for number, _ in texts.carrying(newer, "version", "v0", 1_498)] == [2_000]
