"""The API's route that says from which part of a time range there are requests."""

from __future__ import annotations

from dataclasses import asdict

from observer import serializers
from observer.api.common_parameters import WINDOW, summed_window
from observer.api.routing import route
from observer.api.schemas import TIME, TIME_OR_NULL, boolean, list_of, record, text, whole
from observer.request import context
from observer.request.parameters import Query


@route(
    "/apm/coverage",
    record(
        {
            "from_unix_nano": TIME,
            "to_unix_nano": TIME,
            "covered_ns": whole("the time without the gaps, by which rates are divided"),
            "gaps": list_of(
                record(
                    {
                        "from_unix_nano": TIME,
                        "to_unix_nano": TIME,
                        "collector": text(
                            "whether it ran all the time, by its own record", words=("ran", "down", "unknown")
                        ),
                        "down_since_unix_nano": TIME_OR_NULL,
                        "up_again_unix_nano": TIME_OR_NULL,
                        "other_telemetry": boolean("something else arrived meanwhile"),
                    }
                ),
                "times in which no request of any service began, in order",
            ),
        }
    ),
    tag="apm",
    parameters=WINDOW,
)
def coverage(query: Query) -> serializers.Plain:
    """From which part of the time range there are requests, and what is known of the rest."""
    reader = context.reader()
    window = summed_window(query, reader)
    found = reader.coverage(window)
    return {
        "from_unix_nano": window.from_unix_nano,
        "to_unix_nano": window.to_unix_nano,
        "covered_ns": found.covered_ns,
        "gaps": [asdict(gap) for gap in found.gaps],
    }
