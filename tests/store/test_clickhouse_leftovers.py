"""A question that was refused as too slow leaves nothing in the answer of the next one."""

from __future__ import annotations

import pytest

from store.api import TooSlow
from store.clickhouse.address import read_address
from store.clickhouse.connection import Connections
from tests.store.clickhouse_house import new_url, require_engine


def test_the_answer_after_one_that_was_too_slow_is_its_own() -> None:
    require_engine()
    connections = Connections(read_address(new_url()), time_limit_s=0.5)
    with pytest.raises(TooSlow):
        connections.rows("SELECT DISTINCT sipHash64(number) % 3 FROM numbers(190000000)")
    assert [tuple(row) for row in connections.rows("SELECT 1, 2, 3, 4")] == [(1, 2, 3, 4)]
    connections.close()
