"""What follows from a trace, as JSON in a row of the settler, and back again.

A row that is not as the settler writes it counts as none: the trace is derived anew.
"""

from __future__ import annotations

from typing import Any

import orjson

from signals.model import ServiceInTrace, SessionId, SpanError, TraceId
from signals.trace_tree import Call
from store.clickhouse.derived import Derived, DerivedRequest
from store.results import TraceSummary

_ERRORS = tuple(SpanError)
_PLACE = {error: place for place, error in enumerate(_ERRORS)}


def body_of(one: Derived) -> str:
    """The JSON of a trace."""
    summary = one.summary
    return orjson.dumps({
        "s": [
            summary.trace_id, summary.service, summary.operation, summary.start_unix_nano,
            summary.duration_ns, summary.spans, summary.errors, summary.origin_errors,
            [[each.name, each.spans, _PLACE[each.error]] for each in summary.services],
            summary.session_id, summary.complete, summary.tags,
            summary.clock_shift_ns,
        ],
        "r": [_request(each) for each in one.requests],
        "c": [
            [each.source, each.target, each.start_unix_nano, each.duration_ns, each.error,
             each.inferred, each.database, each.answered]
            for each in one.calls
        ],
        "o": [one.environment, one.synthetic, one.person, one.size],
    }).decode()  # fmt: skip


def derived_of(body: str) -> Derived:
    """The trace of a JSON. Raises ValueError for any other text."""
    try:
        found = orjson.loads(body)
        trace_id, service, operation, start, duration, spans, errors, origins, services, session, *rest = (
            found["s"]
        )
        complete, tags, shift = rest
        summary = TraceSummary(
            TraceId(trace_id), service, operation, start, duration, spans, errors, origins,
            tuple(ServiceInTrace(name, count, _ERRORS[error]) for name, count, error in services),
            SessionId(session) if session else None, complete, tags, shift,
        )  # fmt: skip
        environment, synthetic, person, size = found["o"]
        calls = tuple(Call(*each) for each in found["c"])
        requests = tuple(_read_request(each) for each in found["r"])
        return Derived(summary, requests, calls, environment, synthetic, person, size)
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise ValueError("no trace of the settler") from error


def _request(one: DerivedRequest) -> list[Any]:
    return [
        one.service, one.operation, one.start, one.duration, one.error, _PLACE[one.worst],
        one.tags,
        sorted(one.of_calls), one.environment,
        [span.hex() for span in one.own], [span.hex() for span in one.call_spans],
    ]  # fmt: skip


def _read_request(found: list[Any]) -> DerivedRequest:
    service, operation, start, duration, error, worst, tags, of_calls, environment, own, calls = found
    return DerivedRequest(
        service, operation, start, duration, error, _ERRORS[worst], tags,
        frozenset((tag, value) for tag, value in of_calls), environment,
        tuple(map(bytes.fromhex, own)), tuple(map(bytes.fromhex, calls)),
    )  # fmt: skip
