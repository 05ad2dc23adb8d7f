"""Query arguments: attributes and windows are read, what cannot be read is refused."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import MultiDict

from observer.request.errors import Malformed
from observer.request.parameters import Query, read_attribute, spell_attribute

NOW = 1_800_000_000 * 10**9


def _query(**args: str) -> Query:
    return Query(MultiDict(args), NOW)


@pytest.mark.parametrize(
    ("args", "bounds"),
    [
        ({"since": "90s"}, (NOW - 90 * 10**9, NOW)),
        ({"since": "1w"}, (NOW - 604_800 * 10**9, NOW)),
        ({"from": "100", "to": "200"}, (100 * 10**9, 200 * 10**9)),
        ({"from": "2027-01-15T07:00:00Z"}, (NOW - 3600 * 10**9, NOW)),
        ({"from": "2027-01-15T08:00:00+01:00", "to": str(NOW)}, (NOW - 3600 * 10**9, NOW)),
        ({"to": "200"}, (0, 200 * 10**9)),
    ],
)
def test_windows_are_read_from_either_form(args: dict[str, str], bounds: tuple[int, int]) -> None:
    window = _query(**args).window()
    assert window is not None
    assert (window.from_unix_nano, window.to_unix_nano) == bounds


@pytest.mark.parametrize("text", ["", "0m", "15", "-5m", "1y", "999999999m", "m"])
def test_lengths_of_time_need_a_number_and_a_unit(text: str) -> None:
    if not text:
        assert _query(since=text).window() is None
        return
    with pytest.raises(Malformed, match="since"):
        _query(since=text).window()


@pytest.mark.parametrize("name", ["k:col", "100%", "%3A", "::", " a b ", " ", "é:=&#", "a%20b", "\t:x\n"])
@pytest.mark.parametrize("value", ["v", "", ":", "%3A", " x ", "http://x:1/?a=b&c"])
def test_every_attribute_can_be_spelt_and_read_back(name: str, value: str) -> None:
    """A name with a colon used to be cut at it, so that its links found nothing."""
    assert read_attribute(spell_attribute(name, value)) == (name, value)
    assert _query(attr=spell_attribute(name, value)).attributes() == {name: value}


def test_attributes_are_split_at_the_first_colon() -> None:
    assert _query(attr="url:http://x:1/").attributes() == {"url": "http://x:1/"}
    with pytest.raises(Malformed, match="attr"):
        _query(attr=":x").attributes()
