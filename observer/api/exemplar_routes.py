"""The API's route from a trace to the metrics that it is an exemplar of."""

from __future__ import annotations

import math

from observer import serializers
from observer.api.common_parameters import limit, limit_of
from observer.api.routing import route
from observer.api.schemas import (
    SPAN_ID_OR_NULL,
    TEXT_ATTRIBUTES,
    TIME,
    TRACE_ID,
    TRUNCATED,
    list_of,
    record,
    text,
)
from observer.lookup.traces import full_trace_id
from observer.request import context
from observer.request.parameters import Query
from signals.metrics import MetricKind
from store.api import TraceExemplar

_LIMIT = 100


@route(
    "/apm/traces/<trace_id>/exemplars",
    record(
        {
            "trace_id": TRACE_ID,
            "exemplars": list_of(
                record(
                    {
                        "metric": text(),
                        "unit": text("as the sender wrote it"),
                        "kind": text(words=tuple(kind.value for kind in MetricKind)),
                        "service": text(),
                        "time_unix_nano": TIME,
                        "value": {"type": ["number", "null"]},
                        "span_id": SPAN_ID_OR_NULL,
                        "attributes": TEXT_ATTRIBUTES,
                        "series_attributes": TEXT_ATTRIBUTES,
                    }
                ),
                "oldest first",
            ),
            "truncated": TRUNCATED,
        }
    ),
    tag="metrics",
    path_help={"trace_id": "32 hexadecimal digits, or the last 16"},
    parameters=(limit(_LIMIT),),
)
def exemplars_of_trace(query: Query, trace_id: str) -> serializers.Plain:
    """The points of metrics that this trace is an exemplar of; none of a trace that is not here."""
    reader = context.reader()
    full_id = full_trace_id(reader, trace_id)
    found, more = reader.exemplars_of_trace(full_id, limit_of(query, _LIMIT))
    return {"trace_id": full_id, "exemplars": [_exemplar(each) for each in found], "truncated": more}


def _exemplar(of: TraceExemplar) -> serializers.Plain:
    exemplar = of.exemplar
    return {
        "metric": of.info.name,
        "unit": of.info.unit,
        "kind": of.info.kind.value,
        "service": of.service,
        "time_unix_nano": exemplar.time_unix_nano,
        "value": exemplar.value if math.isfinite(exemplar.value) else None,
        "span_id": exemplar.span_id,
        "attributes": {name: str(value) for name, value in exemplar.attributes.items()},
        "series_attributes": dict(of.attributes),
    }
