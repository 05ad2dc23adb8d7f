"""What fails, since when, what changed and what is slow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from signals.model import Span, SpanKind, TraceId
from store.api import BadQuery, Batch, Operation, Refused, Seen, Window
from tests.store.build import MS, SECOND, T0, row, span
from tests.store.contract.test_browsers import event
from tests.store.house import House

_ALL = Window(T0 - 10_000 * SECOND, T0 + 10_000 * SECOND)


def trace(number: int) -> TraceId:
    return TraceId(f"{number + 0xB000:032x}")


def order(
    number: int,
    at_ms: float,
    *,
    error: bool = False,
    inner_error: bool = False,
    entry: Mapping[str, object] | None = None,
    pay: Mapping[str, object] | None = None,
) -> list[Span]:
    """A request `POST /order` of `front` that calls `Pay` of `bank`."""
    server, of = SpanKind.SERVER, trace(number)
    return [
        span(
            1, 0, "front", "POST /order", kind=server, start_ms=at_ms, error=error,
            attributes=dict(entry or {}), trace_id=of,  # type: ignore[arg-type]  # plain values
        ),
        span(
            2, 1, "bank", "Pay", kind=server, start_ms=at_ms + 1, ms=3, error=inner_error or error,
            attributes=dict(pay or {}), trace_id=of,  # type: ignore[arg-type]  # plain values
        ),
    ]  # fmt: skip


def fill(house: House, *orders: list[Span]) -> None:
    spans = [one for each in orders for one in each]
    house.writer.write(Batch([row(one) for one in spans]))
    house.all_settled(sorted({one.trace_id for one in spans}))


def test_the_operation_with_the_most_failures_that_people_meet_comes_first(house: House) -> None:
    """Programs fail more often elsewhere; a trace that goes through in spite of an error is no failure."""
    program = {"user_agent.synthetic.type": "test"}
    health = [
        span(1, 0, "front", "GET /probe", kind=SpanKind.SERVER, start_ms=n, error=True,
             attributes=program, trace_id=trace(50 + n))
        for n in range(4)
    ]  # fmt: skip
    fill(
        house,
        order(1, 1, error=True),
        order(2, 2, error=True),
        order(3, 3, inner_error=True),
        order(4, 4),
        health,
    )
    found = house.reader.failing_operations(house.window)
    assert [(one.of.operation, one.real, one.synthetic) for one in found] == [
        ("POST /order", 2, 0),
        ("GET /probe", 0, 4),
    ]
    assert house.reader.failing_operations(house.window, "elsewhere") == []
    assert house.reader.failing_operations(Window(0, 5)) == []


def test_requests_are_measured_by_service_and_operation(house: House) -> None:
    fill(house, order(1, 1), order(2, 2, error=True))
    found, cut = house.reader.operation_measures(house.window)
    assert not cut
    assert {of: (m.requests, m.errors) for of, m in found.items()} == {
        Operation("front", "POST /order"): (2, 1),
        Operation("bank", "Pay"): (2, 1),
    }


def test_a_value_was_first_and_last_seen_at_its_requests(house: House) -> None:
    """Whatever the window: over all that is kept."""
    moments = [0, 400_000, 3_000_000]
    fill(
        house,
        *[order(n, at, pay={"version": "v2"}) for n, at in enumerate(moments, 1)],
        order(9, -900_000, pay={"version": "v1"}),
    )
    found = house.reader.seen("version", ["v1", "v2", "v3", ""])
    first, last = T0 + MS, T0 + 3_000_001 * MS
    assert found == {
        "v2": Seen(first, last),
        "v1": Seen(T0 - 899_999 * MS, T0 - 899_999 * MS),
    }
    assert house.reader.seen("version", ["v2"], "front") == {}
    with pytest.raises(BadQuery):
        house.reader.seen("colour", ["red"])


def test_a_new_version_is_a_change_and_the_first_one_is_none(house: House) -> None:
    fill(
        house,
        order(1, -2_000_000, pay={"version": "v1", "service.instance.id": "p1"}),
        order(2, 1_000, pay={"version": "v2", "service.instance.id": "p1"}),
        order(3, 2_000, pay={"version": "v1", "service.instance.id": "p2"}),
        order(4, 3_000, pay={"version": "v3", "service.instance.id": "p2"}),
    )
    changes = house.reader.changes(house.window)
    assert [(one.kind, one.value, one.before) for one in changes.items] == [
        ("version", "v3", "v2"),
        ("instance", "p2", "p1"),
        ("version", "v2", "v1"),
    ]
    assert {one.service for one in changes.items} == {"bank"}
    assert [one.unix_nano for one in changes.items] == [T0 + ms * MS for ms in (3_001, 2_001, 1_001)]
    cut = house.reader.changes(house.window, limit=1)
    assert ([one.value for one in cut.items], cut.truncated) == (["v3"], True)
    assert house.reader.changes(Window(T0 + 10 * SECOND, T0 + 20 * SECOND)).items == []


def test_more_processes_than_are_kept_are_found_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is beyond the bound is read anew, and new ones are seen."""
    house.bound(monkeypatch, "processes kept", 1)
    fill(house, *[order(n, n, pay={"service.instance.id": f"p{n}"}) for n in range(1, 4)])
    for _ in range(2):
        assert [one.value for one in house.reader.changes(house.window).items] == ["p3", "p2"]
    fill(house, order(4, 4, pay={"service.instance.id": "p4"}))
    assert [one.value for one in house.reader.changes(house.window).items] == ["p4", "p3", "p2"]


def test_a_flag_that_was_switched_is_a_change(house: House) -> None:
    def flag(variant: str) -> dict[str, object]:
        return {"feature_flag.key": "slow", "feature_flag.result.variant": variant}

    fill(house, order(1, 0, pay=flag("off")), order(2, 50, pay=flag("on")))
    (found,) = house.reader.changes(_ALL).items
    assert (found.kind, found.tag, found.value, found.before) == ("flag", "slow", "on", "off")


def test_versions_say_what_the_key_operation_met(house: House) -> None:
    """Attributes of each meaning stay apart; a request that carries none is one more row."""
    key = Operation("front", "POST /order")
    fill(
        house,
        order(1, 1, pay={"version": "v1", "service.version": "1.0"}),
        order(2, 2, error=True, pay={"version": "v2", "service.version": "1.0"}),
        order(3, 3, error=True, pay={"version": "v2", "service.version": "1.0"}),
        order(4, 4, pay={"service.version": "1.0"}),
    )
    found = house.reader.versions("bank", house.window, key)
    assert not found.truncated
    rows = [
        (one.tag, one.value, one.measure.requests, one.key_requests, one.key_failed) for one in found.rows
    ]
    assert rows == [
        ("service.version", "1.0", 4, 4, 2),
        ("version", "v2", 2, 2, 2),
        ("version", "v1", 1, 1, 0),
        ("version", "", 1, 0, 0),
    ]
    assert found.rows[1].seen == Seen(T0 + 3 * MS, T0 + 4 * MS)
    assert [one.key_requests for one in house.reader.versions("bank", house.window).rows] == [0, 0, 0, 0]
    assert house.reader.versions("nothing", house.window).rows == ()


def test_refused_money_is_that_of_failures_for_good(house: House) -> None:
    """Anna's second order goes through; a retried charge counts once; programs' money stands apart."""
    money = {"app.order.amount": 12.5, "app.user.currency": "USD"}
    fill(
        house,
        order(1, 1, error=True, entry={"enduser.id": "anna"}, pay=money),
        order(2, 2, entry={"enduser.id": "anna"}, pay=money),
        order(3, 3, error=True, entry={"enduser.id": "ben"}, pay=money),
        order(4, 4, error=True, entry={"enduser.id": "cleo"}),
        order(5, 5, error=True, entry={"user_agent.synthetic.type": "test"}, pay=money),
        order(6, 6, inner_error=True, entry={"enduser.id": "dora"}),
    )
    retried = span(
        7, 1, "bank", "Pay", kind=SpanKind.SERVER, start_ms=9, error=True,
        attributes=money, trace_id=trace(3),  # type: ignore[arg-type]  # plain values
    )  # fmt: skip
    house.writer.write(Batch([row(retried)]))
    house.settled(trace(3), 3)
    found = house.reader.affected("front", house.window, operation="POST /order", amounts=True)
    assert found.real.refused == Refused({"USD": Decimal("12.5")}, known=1, looked=2)
    assert found.synthetic.refused == Refused({"USD": Decimal("12.5")}, known=1, looked=1)
    assert (found.real.failed, found.real.recovered, found.real.recovered_inside) == (3, 1, 1)
    assert house.reader.affected("front", house.window).real.refused is None


def test_money_is_looked_for_in_the_newest_failures_only(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.bound(monkeypatch, "refused", 2)
    money = {"amount": 1, "currency": "USD"}
    fill(house, *[order(n, n, error=True, entry={"enduser.id": f"u{n}"}, pay=money) for n in range(1, 6)])
    found = house.reader.affected("front", house.window, amounts=True).real.refused
    assert found == Refused({"USD": Decimal(2)}, known=2, looked=2)


def test_a_group_of_errors_has_a_first_sighting_beyond_the_window(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where errors between the two ends are not read, the first sighting is one at the latest."""
    kinds = ["old", "old", "mid", "new", "new"]
    events = [
        event(n, "onerror", at_ms=n * 1000, error="true", error__object="E", error__message=kind)
        for n, kind in enumerate(kinds, 1)
    ]
    house.writer.write(Batch([row(one) for one in events]))
    ids = house.until(
        lambda: (
            {
                one.message: one.error_id
                for one in house.reader.rum_errors(replace(house.window, to_unix_nano=T0 + 3_600 * SECOND))[0]
            }
            if sum(one.count for one in house.reader.rum_errors(house.window)[0]) == 5
            else None
        ),
        "the errors",
    )
    assert ids is not None
    seen = house.reader.errors_seen(list(ids.values()))
    assert seen[ids["old"]] == Seen(T0 + 1_000 * MS, T0 + 2_000 * MS)
    assert seen[ids["new"]] == Seen(T0 + 4_000 * MS, T0 + 5_000 * MS)
    house.bound(monkeypatch, "errors seen", 2)
    seen = house.reader.errors_seen(list(ids.values()))
    assert seen[ids["old"]] == Seen(T0 + 1_000 * MS, T0 + 2_000 * MS)
    assert seen[ids["new"]] == Seen(T0 + 4_000 * MS, T0 + 5_000 * MS, exact=False)
    assert ids["mid"] not in seen
