"""A store is opened by a path or by an address."""

from __future__ import annotations

from pathlib import Path

import pytest

import store
from store.api import Batch, StoreMismatch
from tests.store.build import row, span


def test_an_address_of_a_file_is_that_file(tmp_path: Path) -> None:
    """Three slashes, escapes as in every URL; a path is itself."""
    path = tmp_path / "a folder" / "store.db"
    address = f"sqlite://{str(path).replace(' ', '%20')}"
    assert store.file_of(address) == path
    assert store.file_of(path) == path
    assert store.file_of("store.db") == Path("store.db")
    writer = store.open_writer(address)
    writer.write(Batch([row(span(1))]))
    writer.close()
    with_path = store.open_reader(path)
    assert with_path.status().spans == 1
    with_path.close()


@pytest.mark.parametrize("address", ["postgres://host/db", "sqlite://store.db", "sqlite:///", "://x"])
def test_another_address_is_refused_with_what_to_give(address: str) -> None:
    with pytest.raises(StoreMismatch, match="give sqlite:///folder/file"):
        store.open_reader(address)


def test_people_see_no_password() -> None:
    """Nor a user."""
    assert store.file_of("clickhouse://me:secret@host:8123/otel") is None
    assert store.shown("clickhouse://me:secret@host:8123/otel?secure=1") == "clickhouse://host:8123/otel"
    assert store.shown("sqlite:///data/store.db") == "/data/store.db"
    with pytest.raises(StoreMismatch) as raised:
        store.open_reader("clickhouse://me:secret@host:port/otel")
    assert "secret" not in str(raised.value)
