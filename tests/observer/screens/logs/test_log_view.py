"""Logs as they are shown: what they lack, their fields, their JSON tree."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from observer.components.json_tree import CHILDREN_LIMIT, DEPTH_LIMIT, tree
from observer.screens.logs import log_detail, view
from signals.log_fields import LogField
from signals.model import Log, Severity, SpanId, TraceId
from store.api import Window


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
    assert view.lacks_of(log()) == ()
    assert view.lacks_of(log(trace_id=None, span_id=None)) == ("trace_id", "span_id")
    assert view.lacks_of(log(service="unknown_service")) == ("service.name",)


def test_lacks_are_counted_with_who_and_the_remedy() -> None:
    found = view.lacks([log(), log(trace_id=None), log(trace_id=None, service="")])
    assert [(lack.name, lack.count) for lack in found] == [("trace_id", 2), ("service.name", 1)]
    assert found[0].services == ("(no service.name)", "paymentservice")
    assert "OTEL_SERVICE_NAME" in found[1].remedy


def test_the_document_keeps_the_record_and_its_attributes_apart() -> None:
    """Attributes named like a field of the record used to vanish from the detail."""
    own = {"message": "mine", "severity": "high", "trace_id": "t-1", "service.name": "s", "attempt": 2}
    found = {node.key: node for node in log_detail.document(log(attributes=own))}
    assert list(found) == [
        *("severity", "message", "service.name", "trace_id", "span_id"),
        *("attributes", "resource"),
    ]
    assert found["message"].value == "it failed"
    attributes = {node.key: node for node in found["attributes"].children}
    assert {name: node.value for name, node in attributes.items()} == {k: str(v) for k, v in own.items()}
    assert all(node.path == node.key for node in attributes.values())
    assert attributes["attempt"].kind == "number"
    assert found["resource"].children[0].path == "host.name"


def test_a_resource_that_an_attribute_hides_is_no_filter() -> None:
    """A filter looks at the log's own value first, so the link would not have found this log."""
    found = {node.key: node for node in log_detail.document(log(attributes={"host.name": "other"}))}
    assert found["resource"].children[0].path == ""


def test_a_structured_body_is_a_tree_and_is_laid_out() -> None:
    """A map used to be one line of JSON in a string."""
    told = log_detail.detail_of(log(body='{"a":[1]}', structured={"a": [1]}))
    message = next(node for node in told.document if node.key == "message")
    assert (message.kind, message.children[0].kind) == ("object", "list")
    assert told.message.splitlines()[1] == '  "a": ['


def test_an_exception_is_told_with_its_stack() -> None:
    failed = {"exception.type": "E", "exception.message": "m", "exception.stacktrace": "a\n  b"}
    assert log_detail.detail_of(log(attributes=failed)).failure == log_detail.Failure("E: m", "a\n  b")
    assert log_detail.detail_of(log()).failure is None


def test_the_senders_own_severity_is_told_where_it_says_something_else() -> None:
    assert view.said_of(log(severity_text="AUDIT")) == "AUDIT"
    assert view.said_of(log(severity_text="ERROR")) == ""


def test_a_date_is_told_where_the_time_of_day_is_not_enough() -> None:
    hour, now = Window(0, 3_600 * 10**9), 10**18
    assert not view.dated([log()], hour, now, UTC)
    assert view.dated([log(time_unix_nano=now - 86_400 * 10**9)], hour, now, UTC)
    assert view.dated([], Window(0, 86_401 * 10**9), now, UTC)


def test_a_text_that_no_message_has_is_looked_for_in_fields() -> None:
    found = view.hints(
        [log(), log(attributes={"token": "TEST-1"}), log(attributes={"a": "test-1"})], '"est-1"'
    )
    assert found == (("token", "test-1", 1), ("token", "TEST-1", 1), ("a", "test-1", 1))


def test_values_that_no_address_can_hold_are_no_links() -> None:
    """They were cut and then looked for as if whole, and found nothing."""
    (found,) = view.fields_of([LogField("stack", 2, (("x" * 5_000, 1), ("y", 1)))])
    assert [value.linked for value in found.values] == [False, True]
    assert view.looked_at([LogField("severity", 7, (), True), LogField("severity", 9, ())]) == 7


def test_fields_are_the_most_frequent_with_the_type_of_their_values() -> None:
    found = view.fields_of(
        [
            LogField("token", 1, (("a", 1),)),
            LogField("service.name", 9, (("x", 9),), record=True),
            LogField("severity", 3, (("high", 3),)),
            LogField("n", 2, (("7", 2),)),
        ]
    )
    assert [(f.name, f.glyph, f.argument) for f in found] == [
        ("service.name", "a", "service"),
        ("severity", "a", "attr"),
        ("n", "#", "attr"),
        ("token", "a", "attr"),
    ]
    many = [LogField(f"f{n}", n, ()) for n in range(10_000)]
    assert len(view.fields_of(many)) == view.FIELDS_LIMIT


def test_a_log_without_a_message_shows_its_fields() -> None:
    assert view.first_line(log(body="")) == "token=test-1, attempt=2"


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
