"""Nothing that the reader asks is a plain distributed join: each shard would see its own rows only."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.helpers import REPO
from tests.store.clickhouse_house import require_engine

DENIED = 288
"""ClickHouse's code for a distributed subquery of a distributed table."""


def test_no_statement_needs_one_shard_to_know_another(tmp_path: Path) -> None:
    """Every statement of every method is planned; one that is wrong on purpose is refused."""
    require_engine()
    found = subprocess.run(
        [sys.executable, "-m", "tests.store.two_shards", str(tmp_path)],
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert found.returncode == 0, found.stderr[-2000:]
    answer = json.loads(found.stdout)
    assert answer["refused"] == []
    assert answer["without"] > 40
    assert answer["statements"] > answer["without"] + 40
    assert answer["of our own tables"] > 10
    assert answer["control"] == DENIED
