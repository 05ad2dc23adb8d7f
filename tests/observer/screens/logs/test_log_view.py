"""Logs on screen: what they lack, their fields, their rows, their JSON tree."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from observer.components.json_tree import CHILDREN_LIMIT, DEPTH_LIMIT, tree
from observer.screens.logs import field_panel, log_detail, log_rows, missing_fields
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


def test_a_log_lacks_what_it_cannot_be_found_by() -> None:
    assert missing_fields.missing_names(log()) == ()
    assert missing_fields.missing_names(log(trace_id=None, span_id=None)) == ("trace_id", "span_id")
    assert missing_fields.missing_names(log(service="unknown_service")) == ("service.name",)


def test_missing_fields_are_counted_with_their_services_and_the_remedy() -> None:
    found = missing_fields.missing_fields([log(), log(trace_id=None), log(trace_id=None, service="")])
    assert [(field.name, field.count) for field in found] == [("trace_id", 2), ("service.name", 1)]
    assert found[0].services == ("(no service.name)", "paymentservice")
    assert "OTEL_SERVICE_NAME" in found[1].remedy


def test_the_document_keeps_the_record_and_its_attributes_apart() -> None:
    """Attributes named like a field of the record used to vanish from the detail."""
    own = {"message": "mine", "severity": "high", "trace_id": "t-1", "service.name": "s", "attempt": 2}
    found = {node.key: node for node in log_detail.document(log(attributes=own))}
    assert list(found) == [
        *("severity", "severity_number", "message", "service.name", "trace_id", "span_id"),
        "time_unix_nano",
        *("attributes", "resource"),
    ]
    assert found["message"].value == "it failed"
    attributes = {node.key: node for node in found["attributes"].children}
    assert {name: node.value for name, node in attributes.items()} == {k: str(v) for k, v in own.items()}
    assert all(node.path == node.key for node in attributes.values())
    assert attributes["attempt"].kind == "number"
    assert found["resource"].children[0].path == "host.name"


def test_a_resource_attribute_behind_an_attribute_is_not_a_filter() -> None:
    """A filter looks at the log's own value first, so the link would not have found this log."""
    found = {node.key: node for node in log_detail.document(log(attributes={"host.name": "other"}))}
    assert found["resource"].children[0].path == ""


def test_a_structured_body_is_a_tree_and_is_indented() -> None:
    """A map used to be one line of JSON in a string."""
    detail = log_detail.detail_of(log(body='{"a":[1]}', structured={"a": [1]}))
    message = next(node for node in detail.document if node.key == "message")
    assert (message.kind, message.children[0].kind) == ("object", "list")
    assert detail.message.splitlines()[1] == '  "a": ['


def test_bytes_and_maps_of_a_structured_body_are_readable() -> None:
    body: Any = {"raw": b"\x01\xff", "map": {"a": 1}}
    assert '"raw": "01ff"' in log_detail.detail_of(log(structured=body)).message


def test_an_exception_is_shown_with_its_stack() -> None:
    failed = {"exception.type": "E", "exception.message": "m", "exception.stacktrace": "a\n  b"}
    assert log_detail.detail_of(log(attributes=failed)).exception == log_detail.LogException("E: m", "a\n  b")
    assert log_detail.detail_of(log()).exception is None


def test_the_severity_of_the_sender_is_shown_where_it_differs() -> None:
    assert log_rows.sender_severity(log(severity_text="AUDIT")) == "AUDIT"
    assert log_rows.sender_severity(log(severity_text="ERROR")) == ""


def test_times_have_a_date_where_the_time_of_day_is_ambiguous() -> None:
    hour, now = Window(0, 3_600 * 10**9), 10**18
    assert not log_rows.needs_date([log()], hour, now, UTC)
    assert log_rows.needs_date([log(time_unix_nano=now - 86_400 * 10**9)], hour, now, UTC)
    assert log_rows.needs_date([], Window(0, 86_401 * 10**9), now, UTC)


def test_a_text_is_searched_in_fields_too() -> None:
    found = field_panel.matching_fields(
        [log(), log(attributes={"token": "TEST-1"}), log(attributes={"a": "test-1"})], '"est-1"'
    )
    expected = (("token", "test-1"), ("token", "TEST-1"), ("a", "test-1"))
    assert found == tuple(field_panel.MatchingField(*pair, "1 log") for pair in expected)


def test_values_too_long_for_an_address_are_not_linked() -> None:
    """They were cut and then looked for as if whole, and found nothing."""
    (found,) = field_panel.panel_fields([LogField("stack", 2, (("x" * 5_000, 1), ("y", 1)))])
    assert [value.linked for value in found.values] == [False, True]
    assert field_panel.logs_counted([LogField("severity", 7, (), True), LogField("severity", 9, ())]) == 7


def test_fields_are_the_most_frequent_with_the_type_of_their_values() -> None:
    found = field_panel.panel_fields(
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
    assert len(field_panel.panel_fields(many)) == field_panel.FIELDS_LIMIT


def test_a_log_without_a_message_shows_its_fields() -> None:
    assert log_rows.first_line(log(body="")) == "token=test-1, attempt=2"


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
