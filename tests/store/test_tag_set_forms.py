"""Tag sets that differ by the person: read as copies of one, and counted together for every other tag."""

from __future__ import annotations

import orjson
import pytest

from store.sqlite.read.tag_set_search import KnownSet, TagSetCache, matching_sets
from store.tag_sets import Tags

_TAGS: Tags = {":operation": "Pay", ":service": "pay", "version": "v1"}


def _body(tags: Tags) -> str:
    """As it is stored: its names in order."""
    return orjson.dumps(tags, option=orjson.OPT_SORT_KEYS).decode()


def _read(*sets: Tags) -> list[KnownSet]:
    cache = TagSetCache()
    return [cache.read(_body(tags)) for tags in sets]


@pytest.mark.parametrize(
    "person",
    ["anna", "", "ä € 👩", 'a "quoted" one', "back\\slash", "line\nbreak", "x" * 1_000, '"enduser.id":"b"'],
)
def test_a_copy_is_what_its_text_says(person: str) -> None:
    """Whatever the person's name holds; in the same order, with all that is known of a set."""
    others: list[Tags] = [
        {**_TAGS, "deployment.environment": "class", "enduser.id": "first", "rpc.method": ["A", "B"]},
        {**_TAGS, "deployment.environment": "class", "enduser.id": person, "rpc.method": ["A", "B"]},
    ]
    _, copy = _read(*others)
    (alone,) = _read(others[1])
    assert list(copy.items()) == sorted(others[1].items()) == list(alone.items())
    known = [(each.of, each.environment, each.person, each.synthetic) for each in (copy, alone)]
    assert known[0] == known[1] == (("pay", "Pay"), "class", person, False)


def test_only_sets_that_are_alike_but_for_the_person_are_of_one_form() -> None:
    """Neither those of no person, of several, nor those whose other values differ."""
    with_anna: Tags = {**_TAGS, "enduser.id": "anna"}
    anna, ben, again, nobody, both, newer, program = _read(
        with_anna,
        {**_TAGS, "enduser.id": "ben"},
        with_anna,
        _TAGS,
        {**_TAGS, "enduser.id": ["anna", "ben"]},
        {**with_anna, "version": "v2"},
        {**with_anna, "user_agent.synthetic.type": "test"},
    )
    assert anna.form == ben.form == again.form
    assert len({each.form for each in (anna, nobody, both, newer, program)}) == 5
    assert [each.synthetic for each in (anna, program)] == [False, True]
    assert [each.person for each in (nobody, both)] == ["", "anna"]


def test_sets_match_by_person_and_by_what_they_share() -> None:
    """Each condition alone and both together; nothing stands for a tag that is not there."""
    sets = dict(
        enumerate(
            _read(
                {**_TAGS, "enduser.id": "anna"},
                {**_TAGS, "enduser.id": "ben"},
                {**_TAGS, "enduser.id": ["ben", "cleo"]},
                {**_TAGS, "version": "v2", "enduser.id": "ben"},
                {**_TAGS, ":service": "shop", "enduser.id": "ben"},
                _TAGS,
            )
        )
    )

    def matching(service: str | None, **where: str) -> list[int]:
        return list(matching_sets(sets, service, {n.replace("_", "."): v for n, v in where.items()}, None))

    assert matching(None, enduser_id="ben") == [1, 2, 3, 4]
    assert matching("pay", enduser_id="ben", version="v1") == [1, 2]
    assert matching("pay", enduser_id="", version="v1") == [5]
    assert matching("pay", version="v2") == [3]
    assert matching("pay", tenant_level="") == [0, 1, 2, 3, 5]
    assert list(matching_sets(sets, None, {}, "")) == [0, 1, 2, 3, 4, 5]
    assert matching_sets(sets, None, {}, "class") == {}
