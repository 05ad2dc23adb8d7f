"""The home page and the search in words. Pure; no store, no template."""

from __future__ import annotations

from dataclasses import replace

import pytest

from observer.lookup.lab_status import Lab, Process
from observer.lookup.resolve import Unresolved
from observer.screens.home import view
from observer.screens.home.search_result import search_result
from store.api import Limitation, StoreStatus

LAB = Lab(
    shop="",
    otlp_http="http://lab:4318",
    otlp_grpc="lab:4317",
    observer="",
    loadgen="",
    processes=(
        Process("frontend", "ready", 2, ""),
        Process("loadgen", "running", 0, ""),
        Process("gone", "exited", 1, ""),
    ),
    ready=None,
    incident=None,
)


def _status(spans: int = 0, logs: int = 0) -> StoreStatus:
    return StoreStatus(spans, logs, 0, 0, 0, None, None, None, 0, 0, 0, 0, None)


def _home(status: StoreStatus) -> view.HomePage:
    return view.build(status, view.Newest((), (), (), None), None, LAB)


def test_the_addresses_of_the_collector_are_listed_for_each_protocol() -> None:
    addresses = {each.label: each.address for each in view.endpoints(LAB)}

    assert addresses["RUM beacons"] == "http://lab:4318/v1/rum"
    assert addresses["OTLP over gRPC"] == "lab:4317"
    assert addresses["Environment"] == "OTEL_EXPORTER_OTLP_ENDPOINT=http://lab:4318"


def test_a_process_is_up_or_down_and_its_restarts_are_counted() -> None:
    assert [(each.name, each.css, each.state) for each in _home(_status()).processes] == [
        ("frontend", "up", "ready, restarted 2\u00d7"),
        ("loadgen", "up", "running"),
        ("gone", "down", "exited, restarted 1\u00d7"),
    ]


def test_nothing_received_means_neither_span_nor_log() -> None:
    assert _home(_status()).nothing_received
    assert not _home(_status(spans=1)).nothing_received
    assert not _home(_status(logs=1)).nothing_received


@pytest.mark.parametrize(
    ("found", "title", "after_id", "logs_label"),
    [
        (Unresolved(pruned=False), "Nothing here fits this", "is nothing that has arrived", ""),
        (Unresolved(pruned=True), "This was here and has been pruned", "was here", ""),
        (
            Unresolved(False, 1, "a"),
            "No span of this trace has arrived, but 1 log",
            "",
            "Open the log",
        ),
        (
            Unresolved(True, 2, "a"),
            "No span of this trace has arrived, but 2 logs",
            "have been pruned",
            "Open the logs",
        ),
    ],
)
def test_a_search_that_leads_nowhere_says_why(
    found: Unresolved, title: str, after_id: str, logs_label: str
) -> None:
    result = search_result(found)

    assert (result.title, result.logs_label) == (title, logs_label)
    assert after_id in result.after_id
    assert result.after_id or result.explanation


def test_what_the_store_cannot_tell_is_said_in_words() -> None:
    """Every lack has words; a store without one says nothing."""
    assert _home(_status()).limitations == ()
    words = _home(replace(_status(), limitations=tuple(Limitation))).limitations
    assert len(set(words)) == len(Limitation)
    assert words[0] == "attributes of some spans and logs are text"
