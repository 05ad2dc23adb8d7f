"""Logs as they are shown: what they lack, their fields, their JSON tree."""

from __future__ import annotations

from typing import Any

from observer.logs import rows
from observer.ui.jsontree import CHILDREN_LIMIT
from observer.ui.jsontree import DEPTH_LIMIT
from observer.ui.jsontree import tree
from store.model import Log
from store.model import LogField
from store.model import Severity
from store.model import SpanId
from store.model import TraceId


def log(**changes: Any) -> Log:
    given: dict[str, Any] = {
        "log_id": "1",
        "time_unix_nano": 10**18,
        "severity": Severity.ERROR,
        "severity_number": 17,
        "body": "it failed",
        "service": "paymentservice",
        "trace_id": TraceId("a" * 32),
        "span_id": SpanId("b" * 16),
        "session_id": None,
        "attributes": {"token": "test-1", "attempt": 2},
        "resource": {"host.name": "lab"},
        "scope": "",
    }
    return Log(**{**given, **changes})


def test_a_log_says_what_it_lacks() -> None:
    assert rows.lacks_of(log()) == ()
    assert rows.lacks_of(log(trace_id=None, span_id=None)) == ("trace_id", "span_id")
    assert rows.lacks_of(log(service="unknown_service")) == ("service.name",)


def test_lacks_are_counted_with_who_and_the_remedy() -> None:
    found = rows.lacks([log(), log(trace_id=None), log(trace_id=None, service="")])
    assert [(lack.name, lack.count) for lack in found] == [("trace_id", 2), ("service.name", 1)]
    assert found[0].services == ("(no service.name)", "paymentservice")
    assert "OTEL_SERVICE_NAME" in found[1].remedy


def test_the_document_is_flat_as_a_logger_writes_it() -> None:
    found = {node.key: node for node in rows.document(log())}
    assert list(found)[:3] == ["severity", "message", "service.name"]
    assert (found["token"].value, found["token"].path) == ("test-1", "token")
    assert found["attempt"].kind == "number"
    assert found["resource"].children[0].key == "host.name"


def test_fields_are_the_most_frequent_with_the_type_of_their_values() -> None:
    found = rows.fields_of(
        [
            LogField("token", 1, (("a", 1),)),
            LogField("service.name", 9, (("x", 9),)),
            LogField("n", 2, (("7", 2),)),
        ]
    )
    assert [(f.name, f.glyph, f.argument) for f in found] == [
        ("service.name", "a", "service"),
        ("n", "#", "attr"),
        ("token", "a", "attr"),
    ]
    many = [LogField(f"f{n}", n, ()) for n in range(10_000)]
    assert len(rows.fields_of(many)) == rows.FIELDS_LIMIT


def test_a_log_without_a_message_shows_its_fields() -> None:
    assert rows.first_line(log(body="")) == "token=test-1, attempt=2"


def test_trees_are_cut_in_width_and_depth() -> None:
    wide = tree({"all": list(range(1000))})[0]
    assert (len(wide.children), wide.left_out) == (CHILDREN_LIMIT, 1000 - CHILDREN_LIMIT)
    deep: Any = "bottom"
    for _ in range(40):
        deep = {"in": deep}
    node, depth = tree({"top": deep})[0], 0
    while node.children:
        node, depth = node.children[0], depth + 1
    assert depth == DEPTH_LIMIT
    assert node.left_out == 1
