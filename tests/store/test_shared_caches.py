"""What sessions of one file share: bounded by bytes, the oldest goes first, and nothing of it is outdated."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import store
from signals.model import SpanKind, TraceId
from store.api import Batch, Operation, Window
from store.sqlite.read.read_connection import ReadConnections
from store.sqlite.read.shared import BoundedCache, Shared
from store.sqlite.read.tag_set_search import sets_with
from tests.helpers import eventually
from tests.store.build import SECOND, T0, row, span


def _is(asked: Callable[[], int], expected: int) -> bool:
    return asked() == expected


_ALL = Window(T0 - 10_000 * SECOND, T0 + 10_000 * SECOND)


def test_a_full_cache_drops_what_was_added_first() -> None:
    """One entry after the other, not all of them; what is larger than the cache is not kept."""
    cache: BoundedCache[int, str] = BoundedCache(10, len)
    cache.update({1: "aaaa", 2: "bbbb"})
    cache.update({3: "cc"})
    assert (len(cache), cache.bytes) == (3, 10)
    cache.update({4: "d"})
    assert [cache.get(key) for key in (1, 2, 3, 4)] == [None, "bbbb", "cc", "d"]
    cache.update({2: "b"})
    assert (cache.get(2), cache.bytes) == ("b", 4)
    cache.update({5: "e" * 11})
    assert (cache.get(5), cache.get(4), cache.bytes) == (None, "d", 4)


def test_one_object_of_each_class_is_shared() -> None:
    """Whoever asks first makes it."""
    shared = Shared()
    assert shared.of(dict) is shared.of(dict)
    assert shared.of(list) == []


def test_a_search_finds_sets_that_came_after_the_last_one(tmp_path: Path) -> None:
    """What was found among the sets once is looked for among the new ones only, and is complete."""
    path = tmp_path / "store.db"
    writer = store.open_writer(path)
    connections = ReadConnections(path)

    def found(service: str) -> int:
        with connections.session() as db:
            return len(sets_with(db, ":service", service))

    for number, operation in enumerate(("a", "b", "c"), 1):
        of = TraceId(f"{number:032x}")
        writer.write(Batch([row(span(number, 0, "shop", operation, kind=SpanKind.SERVER, trace_id=of))]))
        eventually(partial(_is, partial(found, "shop"), number), f"{number} sets of the shop")
        assert found("bank") == 0
    connections.close()
    writer.close()


def test_questions_of_one_snapshot_share_rows_whatever_their_bounds(tmp_path: Path) -> None:
    """A question that looks at few requests leaves the rest to the next one."""
    path = tmp_path / "store.db"
    writer = store.open_writer(path)
    spans = [
        span(1, 0, "shop", "GET /", kind=SpanKind.SERVER, start_ms=number, trace_id=TraceId(f"{number:032x}"))
        for number in range(1, 2_001)
    ]
    writer.write(Batch([row(one) for one in spans]))
    reader = store.open_reader(path)
    eventually(lambda: reader.services(_ALL).get("shop") is not None, "the requests")
    eventually(lambda: reader.services(_ALL)["shop"].requests == 2_000, "all requests")
    with reader.snapshot():
        assert reader.affected("shop", _ALL).real.requests == 2_000
        assert reader.operation_measures(_ALL)[0][Operation("shop", "GET /")].requests == 2_000
        assert reader.operations("shop", _ALL)["GET /"].requests == 2_000
        assert reader.breakdowns("shop", [":operation"], _ALL)[":operation"].requests == 2_000
    reader.close()
    writer.close()
