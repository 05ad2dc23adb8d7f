"""One reading of a time range: pages and the API agree about every `since`, `from` and `to`."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from werkzeug.datastructures import MultiDict

from observer.request.errors import Malformed
from observer.request.parameters import Query
from observer.request.scope import parse_scope
from observer.request.time_range import parse_range, parse_time
from store.api import Window
from tests.observer.screens import Screens

NOW = 1_795_343_067_482_000_000
S = 10**9
DAY = 86_400 * S

_DURATIONS = (
    "15m",
    "0015m",
    "15 m",
    "15M",
    "1w",
    "90s",
    "366d",
    "3650d",
    "20000d",
    "20001d",
    "0m",
    "m",
    "15",
    "1y",
    "-5m",
    "٣m",
)
_TIMES = (
    "1732300000",
    "1732300000000",
    "1732300000000000",
    "1732300000000000000",
    "0",
    "²",
    "9" * 40,
    "2024-11-22T18:26:40Z",
    "2024-11-22T19:26:40+01:00",
    "2024-11-22",
    "1960-01-01",
    "9999-12-31T23:59:59",
    "0001-01-01T00:00:00+14:00",
    "yesterday",
    str(2**63 - 1),
    str(2**63),
)
_ALPHABET = "0123456789smhdw-:TZ+. x²"


def _random_text(chance: random.Random) -> str:
    kind = chance.randrange(5)
    if kind == 0:
        return chance.choice(_DURATIONS + _TIMES)
    if kind == 1:
        return f"{chance.randrange(10 ** chance.randrange(1, 8))}{chance.choice('smhdwy')}"
    if kind == 2:
        return str(chance.randrange(10 ** chance.randrange(1, 25)))
    if kind == 3:
        when = datetime.fromtimestamp(chance.randrange(4 * 10**9), UTC)
        return when.isoformat() + chance.choice(("", "Z", "+02:00"))
    return "".join(chance.choice(_ALPHABET) for _ in range(chance.randrange(12)))


def _of_api(args: dict[str, str]) -> Window | str | None:
    try:
        return Query(MultiDict(args), NOW).window()
    except Malformed as error:
        return error.message


def _of_page(args: dict[str, str]) -> Window | str:
    """As `_of_api`; a page whose range follows the clock has the present nanosecond too."""
    try:
        scope = parse_scope(args, NOW, UTC)
    except Malformed as error:
        return error.message
    return Window(scope.window.from_unix_nano, scope.window.to_unix_nano - bool(scope.since))


@pytest.mark.parametrize("seed", range(20))
def test_pages_and_the_api_read_every_range_alike(seed: int) -> None:
    """Whatever is written, both give the same window or the same refusal."""
    chance = random.Random(seed)
    for _ in range(200):
        names = chance.sample(("since", "from", "to"), chance.randrange(1, 4))
        args = {name: _random_text(chance) for name in names}
        if any(text.strip() for text in args.values()):
            assert _of_api(args) == _of_page(args), args


@pytest.mark.parametrize("since", ["1w", "0015m", "15 m", "15M", "15m", "soon", "0m", "15"])
def test_an_address_of_the_api_is_one_of_the_pages(screens: Screens, since: str) -> None:
    """`since=1w` used to be a week in the API and a refusal on the page."""
    api = screens.client.get("/api/v1/apm/services", query_string={"since": since}).status_code
    assert screens.client.get("/apm/services", query_string={"since": since}).status_code == api


@pytest.mark.parametrize("number", [1732300000, 1732300000_000, 1732300000_000_000, 1732300000_000_000_000])
def test_the_unit_of_a_number_is_seen_from_its_magnitude(number: int) -> None:
    """`from=1732300000` used to be 1970 in the API and 2024 on the page."""
    assert parse_time(str(number), "from", UTC) == 1732300000 * S


def test_seconds_are_read_until_the_last_time_that_the_store_can_hold() -> None:
    assert parse_time("9223372036", "to", UTC) == 9223372036 * S
    assert parse_time(str(Window.ALL.to_unix_nano), "to", UTC) == Window.ALL.to_unix_nano
    for beyond in ("9223372037", str(2**63), "9999-12-31"):
        with pytest.raises(Malformed, match="is not a time"):
            parse_time(beyond, "to", UTC)


def test_times_without_an_offset_are_in_the_given_zone() -> None:
    berlin = parse_time("2026-11-22T11:00:00", "from", ZoneInfo("Europe/Berlin"))
    assert berlin == parse_time("2026-11-22T10:00:00", "from", UTC)
    assert parse_time("2026-11-22T12:00:00+02:00", "from", ZoneInfo("Asia/Tokyo")) == berlin


def test_a_range_without_an_end_ends_now_and_without_a_beginning_begins_in_1970() -> None:
    open_end = parse_range({"from": str(NOW - S)}, NOW, UTC)
    open_begin = parse_range({"to": str(NOW)}, NOW, UTC)
    assert open_end is not None
    assert open_begin is not None
    assert open_end.window == Window(NOW - S, NOW)
    assert open_begin.window == Window(0, NOW)


@pytest.mark.parametrize("since", ["0015m", "15 m", "15M", " 15m "])
def test_a_duration_has_one_spelling_in_links(since: str) -> None:
    scope = parse_scope({"since": since}, NOW, UTC)
    assert (scope.since, scope.label, scope.args()) == ("15m", "Last 15 minutes", {})


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"since": "x"}, "since='x' is not a duration; write for instance 15m, 2h or 1d."),
        ({"since": "20001d"}, "is longer than telemetry is old"),
        ({"from": "x"}, "from='x' is not a time; write for instance 2026-11-23T14:03:27Z"),
        ({"from": str(NOW), "to": str(NOW)}, "from must be earlier than to"),
        ({"from": str(NOW + DAY)}, "from must be earlier than now"),
        ({"since": "15m", "to": str(NOW)}, "since cannot be combined with from or to."),
    ],
)
def test_a_refusal_names_the_argument_and_what_is_allowed(args: dict[str, str], message: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse_range(args, NOW, UTC)
    assert message in refused.value.message
    assert refused.value.remedy
