"""`lab store prepare` and `lab store settle`: what they say, and what they refuse."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from store import prepare, settle
from store.clickhouse.address import read_address
from store.clickhouse.connection import Connections
from store.clickhouse.preparing import with_spans
from tests.store.clickhouse_house import new_url, require_engine
from tests.store.prepared import hostile, prepared


@pytest.fixture(name="url")
def _url() -> Iterator[str]:
    """A store that is not prepared, with a table of spans."""
    require_engine()
    connections = Connections(read_address(url := new_url()))
    with_spans(connections)
    yield url
    connections.close()


def tables(url: str) -> dict[str, str]:
    """The tables by name, with the statement that makes each."""
    connections = Connections(read_address(url))
    rows = connections.rows(
        "SELECT name, create_table_query FROM system.tables "
        f"WHERE database = '{connections.address.database}'"
    )
    connections.close()
    return {str(name): str(made) for name, made in rows}


def test_a_dry_run_says_what_would_be_made_and_makes_nothing(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tables(url)
    assert prepare.main([url, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert tables(url) == before
    assert "would be made" in said
    assert "otel_traces is not changed" in said
    assert "a copy of the spans" in said


def test_it_makes_the_tables_once_and_alters_no_other(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = tables(url)
    assert prepare.main([url]) == 0
    made = tables(url)
    assert {name: made[name] for name in before} == before
    assert "lab_spans" in made
    assert "Prepared: 0 spans copied" in capsys.readouterr().out
    assert prepare.main([url]) == 0
    assert "is prepared: every table of our own is there" in capsys.readouterr().out
    assert tables(url) == made


def test_a_table_that_was_dropped_is_made_again(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert prepare.main([url]) == 0
    connections = Connections(read_address(url))
    connections.run(f"DROP TABLE {connections.address.database}.lab_calls")
    connections.close()
    capsys.readouterr()
    assert prepare.main([url]) == 0
    said = capsys.readouterr().out
    assert "lab_calls" in tables(url)
    assert "is made: every call" in said
    assert "is there: a copy of the spans" in said


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("", "No store is named"),
        ("/tmp/store.db", "is a file"),
        ("sqlite:///tmp/store.db", "is a file"),
        ("mysql://me:secret@host/db", "is no engine"),
        ("clickhouse://me:secret@host/a-b", "is no name"),
    ],
)
def test_an_address_of_no_server_is_refused(
    url: str, word: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STORE_URL", raising=False)
    for command in (prepare, settle):
        assert command.main([url]) in (1, 2)
        said = capsys.readouterr().err
        assert word in said
        assert "secret" not in said


def test_a_server_that_does_not_answer_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    require_engine()
    assert prepare.main(["clickhouse://me:secret@127.0.0.1:9/db"]) == 1
    said = capsys.readouterr().err
    assert "clickhouse://127.0.0.1:9/db does not answer" in said
    assert "secret" not in said


def test_an_unknown_cluster_and_missing_spans_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    require_engine()
    assert prepare.main([new_url()]) == 1
    assert "There is no table otel_traces" in capsys.readouterr().err
    assert prepare.main([f"{new_url()}?cluster=nowhere"]) == 1
    assert "knows no cluster 'nowhere'" in capsys.readouterr().err


def test_only_a_prepared_store_is_settled(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert settle.main([url, "--once"]) == 1
    assert "is not prepared: run `lab store prepare` first" in capsys.readouterr().err


def test_settling_once_ends_when_nothing_is_left() -> None:
    found = prepared(before=hostile(1, 20, 3))
    assert (
        settle.main([found.connections.address.shown + "/" + found.connections.address.database, "--once"])
        == 0
    )
    assert found.count("lab_homes") > 0
    found.close()
