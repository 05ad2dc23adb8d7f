"""The parts of the writing half, each on an empty store in memory."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator

import pytest

from store.sqlite.packed_calls import StoredCall
from store.sqlite.packed_cells import Merging, Sums, merged, pack, total
from store.sqlite.store_file import empty_store
from store.sqlite.table_layout import OTHER_ITEM, SAMPLE_SERIES, SERVICE_SERIES
from store.sqlite.write import tag_set_ids
from store.sqlite.write.counters import Counters
from store.sqlite.write.interning import OriginIds, PairIds, SeriesIds, SeriesKey
from store.sqlite.write.rollups import Rollups
from store.sqlite.write.tag_set_ids import TagSetIds, union
from store.tag_sets import environment_in, service_in, values_in
from tests.store.build import SECOND, T0

Cells = dict[tuple[int, ...], tuple[int, int, int, dict[int, int]]]


@pytest.fixture(name="connection")
def an_empty_store() -> Iterator[sqlite3.Connection]:
    """A connection to tables without rows."""
    connection = empty_store()
    yield connection
    connection.close()


def _series(environment: str, service: str) -> SeriesKey:
    return SERVICE_SERIES, environment, service, "", ""


def cells(connection: sqlite3.Connection) -> Cells:
    """(series, width, slot) to counts and latencies, of the cells that count anything."""
    rows = connection.execute("SELECT series, width, slot, n, errors, origins, latencies FROM cells")
    found = {}
    for *where, n, errors, origins, latencies in rows:
        buckets = total([latencies])
        assert sum(buckets.values()) == n
        if n or errors or origins or buckets:
            found[tuple(where)] = n, errors, origins, buckets
    return found


def test_what_is_added_to_the_rollups_and_subtracted_leaves_nothing(connection: sqlite3.Connection) -> None:
    """In whatever order, and in however many rounds."""
    draw = random.Random(1)
    rollups = Rollups(connection)
    requests = [
        (
            draw.choice(["", "lab"]),
            draw.choice(["shop", "bank"]),
            T0 + draw.randrange(3600) * SECOND,
            draw.randrange(500),
            draw.randrange(2),
            draw.randrange(3),
        )
        for _ in range(300)
    ]
    calls: list[StoredCall] = [
        (
            "shop",
            draw.choice(["bank", "db"]),
            T0 + draw.randrange(3600) * SECOND,
            draw.randrange(10**9),
            1,
            "i",
        )
        for _ in range(100)
    ]
    for request in requests:
        rollups.request(1, _series(*request[:2]), *request[2:])
    rollups.calls(1, "lab", calls)
    rollups.flush()
    full = cells(connection)
    assert full
    draw.shuffle(requests)
    for place, request in enumerate(requests):
        rollups.request(-1, _series(*request[:2]), *request[2:])
        if place % 50 == 0:
            rollups.flush()
    rollups.calls(-1, "lab", reversed(calls))
    rollups.flush()
    assert cells(connection) == {}
    for request in requests:
        rollups.request(1, _series(*request[:2]), *request[2:])
    rollups.calls(1, "lab", calls)
    rollups.flush()
    assert cells(connection) == full


@pytest.mark.parametrize("seed", range(20))
def test_two_histograms_are_stored_as_their_sum_is(seed: int) -> None:
    """Whether buckets are new, come to nothing or stand on either side: the bytes are those of the sum."""
    draw = random.Random(seed)
    for _ in range(100):
        first, second = (
            {draw.randrange(12): draw.choice((-2, -1, 1, 2)) for _ in range(draw.randrange(12))}
            for _ in range(2)
        )
        sums: Sums = {bucket: first.get(bucket, 0) + second.get(bucket, 0) for bucket in first | second}
        assert merged(pack(first), pack(second)) == pack(sums)
        assert total([pack(sums)]) == {bucket: count for bucket, count in sums.items() if count}


def test_what_was_merged_last_is_not_mistaken_for_anything_else() -> None:
    """The same sum is told again; another first or second part is merged."""
    merging = Merging()
    one, two, three = pack({1: 1}), pack({1: 2, 5: 1}), pack({9: 4})
    asked = [(one, two), (one, two), (one, three), (two, three), (three, two), (one, two), (one, one)]
    assert [merging.merged(*each) for each in asked] == [merged(*each) for each in asked]


def test_cells_of_every_width_have_the_same_sums(connection: sqlite3.Connection) -> None:
    """Windows may be covered by any of them."""
    rollups = Rollups(connection)
    for number in range(100):
        rollups.request(1, _series("", "shop"), T0 + number * 7 * SECOND, number, number % 2, number % 3)
    rollups.flush()
    sums = connection.execute("SELECT sum(n), sum(errors), sum(origins) FROM cells GROUP BY width").fetchall()
    assert sums == [(100, 50, 33)] * 3


def test_pruned_cells_end_before_the_time_and_series_without_any_end_too(
    connection: sqlite3.Connection,
) -> None:
    """A slot that reaches beyond the time stays, whatever its width."""
    rollups = Rollups(connection)
    rollups.request(1, _series("", "old"), T0, 1, 0, 0)
    rollups.request(1, _series("", "new"), T0 + 3600 * SECOND, 1, 0, 0)
    rollups.flush()
    rollups.prune(T0 + 1800 * SECOND)
    assert connection.execute("SELECT subject FROM series").fetchall() == [("new",)]
    assert connection.execute("SELECT count(*) FROM cells").fetchone() == (3,)
    rollups.request(1, _series("", "old"), T0 + 3600 * SECOND, 1, 0, 0)
    rollups.flush()
    assert connection.execute("SELECT count(*) FROM series").fetchone() == (2,)


def test_what_was_collected_is_dropped_by_a_rollback(connection: sqlite3.Connection) -> None:
    """And a series that was stored in the transaction is stored again."""
    rollups = Rollups(connection)
    connection.execute("BEGIN")
    rollups.request(1, _series("", "shop"), T0, 1, 0, 0)
    connection.execute("ROLLBACK")
    rollups.on_rollback()
    rollups.flush()
    assert cells(connection) == {}
    rollups.request(1, _series("", "shop"), T0, 1, 0, 0)
    rollups.flush()
    assert connection.execute("SELECT subject FROM series").fetchall() == [("shop",)]


def test_beyond_a_limit_names_that_senders_invent_are_one_series(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each kind apart; those that were there before keep their own."""
    monkeypatch.setattr(SeriesIds, "LIMIT", 3)
    series = SeriesIds(connection)
    ids = [series.id_of((SERVICE_SERIES, "", f"s{number}", "", "")) for number in range(6)]
    assert len(set(ids)) == 4
    assert ids[3] == ids[4] == ids[5] == series.id_of((SERVICE_SERIES, "", OTHER_ITEM, "", ""))
    assert series.id_of((SERVICE_SERIES, "", "s1", "", "")) == ids[1]
    assert series.id_of((SAMPLE_SERIES, "lab", "lcp", "", "")) not in ids
    series.reload()
    assert series.id_of((SERVICE_SERIES, "", "s9", "", "")) == ids[3]


def test_a_tag_set_is_stored_once_however_its_spans_are_ordered(connection: sqlite3.Connection) -> None:
    """Two values of one tag, in either order, are the same set; another operation is another."""
    sets = TagSetIds(connection)
    red, blue = {"colour": "red", "environment": "lab"}, {"colour": "blue"}
    first = sets.of("shop", "GET /", [red, blue])
    assert first == sets.of("shop", "GET /", [blue, red]) == sets.of("shop", "GET /", [red, blue, red])
    assert (first.service, first.environment) == ("shop", "lab")
    other = sets.of("shop", "POST /", [red, blue])
    sets.flush()
    assert 0 != other.number != first.number != 0
    sets.invalidate()
    again, stored = sets.of("shop", "GET /", [blue, red]), sets.numbered(first.number)
    sets.flush()
    assert again.number == stored.number == first.number
    assert (stored.service, stored.environment) == ("shop", "lab")
    assert connection.execute("SELECT count(*) FROM tagsets").fetchone() == (2,)


def test_a_set_that_the_caches_dropped_before_it_was_stored_is_stored_once(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tag_set_ids, "_CACHED", 8)
    sets = TagSetIds(connection)
    first = [sets.of("shop", f"GET /{number}", [{}]) for number in range(20)]
    again = [sets.of("shop", f"GET /{number}", [{}]) for number in range(20)]
    sets.flush()
    assert [each.number for each in first] == [each.number for each in again]
    assert {each.number for each in first} == set(range(1, 21))


def test_the_id_of_a_deleted_tag_set_is_never_reused(connection: sqlite3.Connection) -> None:
    """Readers cache what an id stands for."""
    sets = TagSetIds(connection)
    first = sets.of("shop", "GET /", [{}])
    sets.flush()
    connection.execute("DELETE FROM tagsets")
    sets.invalidate()
    second = sets.of("bank", "GET /", [{}])
    sets.flush()
    assert second.number > first.number > 0


def test_the_slots_of_a_set_are_noted_once(connection: sqlite3.Connection) -> None:
    """Until the caches are invalidated; then the table keeps one row all the same."""
    sets = TagSetIds(connection)
    for _ in range(2):
        found = sets.of("shop", "GET /", [{}])
        for slot in (5, 6, 5):
            sets.note_slot(found, slot)
        sets.flush()
        sets.invalidate()
    assert connection.execute("SELECT tagset, slot FROM set_slots").fetchall() == [(1, 5), (1, 6)]


def test_many_new_tag_sets_are_stored_once_among_those_that_are_there(connection: sqlite3.Connection) -> None:
    """More than one question asks for; sets of before keep their numbers, in another's caches, too."""
    before, after = TagSetIds(connection), TagSetIds(connection)
    known = {number: before.of("shop", f"GET /{number}", [{}]) for number in range(0, 1_500, 3)}
    before.flush()
    found = {number: after.of("shop", f"GET /{number}", [{}]) for number in range(1_500)}
    after.flush()
    assert {number: found[number].number for number in known} == {n: each.number for n, each in known.items()}
    assert len({each.number for each in found.values()}) == 1_500
    assert connection.execute("SELECT count(*) FROM tagsets").fetchone() == (1_500,)
    rows = connection.execute("SELECT id, json_extract(body, '$.:operation') FROM tagsets").fetchall()
    assert {number: f"GET /{each}" for each, number in ((n, s.number) for n, s in found.items())} == dict(
        rows
    )


def test_what_was_rolled_back_is_stored_by_the_next_round(connection: sqlite3.Connection) -> None:
    """The number of a set that a rolled back round stored is not handed out again as if it were there."""
    sets = TagSetIds(connection)
    connection.execute("BEGIN")
    sets.of("shop", "GET /", [{}])
    sets.flush()
    connection.execute("ROLLBACK")
    sets.invalidate()
    again = sets.of("shop", "GET /", [{}])
    sets.flush()
    assert connection.execute("SELECT id FROM tagsets").fetchall() == [(again.number,)]


def test_a_rollback_forgets_no_use_of_a_resource(connection: sqlite3.Connection) -> None:
    """What earlier commits use stays when older arrivals are pruned."""
    origins = OriginIds(connection)
    found = origins.id_of(b"resource", 1)
    assert origins.id_of(b"resource", 100) == found
    origins.invalidate()
    origins.prune(50)
    assert connection.execute("SELECT id FROM origins").fetchall() == [(found,)]
    origins.prune(101)
    assert connection.execute("SELECT id FROM origins").fetchall() == []


def test_values_of_a_tag_are_united_up_to_a_bound() -> None:
    """Sorted, so that equal sets are equal; a sender of many values cannot make a set endless."""
    tags = union([{"a": "2", "b": "x"}, {"a": "1"}, {"a": "2"}])
    assert tags == {"a": ["1", "2"], "b": "x"}
    assert (values_in(tags, "a"), values_in(tags, "b"), values_in(tags, "c")) == (["1", "2"], ["x"], [])
    assert len(values_in(union([{"a": str(number)} for number in range(200)]), "a")) == 64
    assert (service_in({}), environment_in({"deployment.environment": ["x", "y"]})) == ("", "x")


def test_counters_return_to_the_last_commit(connection: sqlite3.Connection) -> None:
    """Whether or not the changes were written inside the transaction."""
    counters = Counters(connection)
    counters.add("spans", 3)
    counters.at_most("oldest", 10)
    counters.at_least("newest", 10)
    counters.flush()
    counters.on_commit()
    connection.execute("BEGIN")
    counters.add("spans", 4)
    counters.at_most("oldest", 5)
    counters.at_least("newest", 5)
    assert [counters.get(name) for name in ("spans", "oldest", "newest")] == [7, 5, 10]
    counters.flush()
    connection.execute("ROLLBACK")
    counters.on_rollback()
    assert [counters.get(name) for name in ("spans", "oldest", "newest")] == [3, 10, 10]
    assert Counters(connection).get("spans") == 3


def test_resources_are_kept_while_anything_uses_them(connection: sqlite3.Connection) -> None:
    """The last use counts, also one that has not been written yet."""
    origins = OriginIds(connection)
    first = origins.id_of(b"used", 1)
    origins.id_of(b"unused", 2)
    assert origins.id_of(b"used", 9) == first
    origins.prune(before_seq=5)
    assert connection.execute("SELECT body, last_seq FROM origins").fetchall() == [(b"used", 9)]


def test_a_pair_has_one_id(connection: sqlite3.Connection) -> None:
    """With the cache and without."""
    pairs = PairIds(connection)
    first = pairs.id_of(("tag", "value"))
    pairs.invalidate()
    assert pairs.id_of(("tag", "value")) == first != pairs.id_of(("tag", "other"))
