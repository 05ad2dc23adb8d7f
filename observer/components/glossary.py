"""The terms that a newcomer meets on the screens, for the page that is one key away. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Term:
    """One term: its long form where it is an abbreviation, and what it means in a sentence or two."""

    name: str
    long: str
    meaning: str


TERMS = (
    Term(
        "APM",
        "application performance monitoring",
        "What the services behind a page did: their requests, how long these took, and where they failed.",
    ),
    Term(
        "exemplar",
        "",
        "One of the observations that a metric counted, kept with the trace in which it happened: "
        "the way from a number to a request.",
    ),
    Term(
        "inferred",
        "",
        "A service that sends no telemetry itself, such as a database or another company. "
        "It is known by what its callers report, and drawn hatched.",
    ),
    Term(
        "metric",
        "",
        "A number that a process reports again and again, such as its memory or how many orders it took: "
        "cheap to keep for long, but nobody's own request.",
    ),
    Term(
        "origin",
        "",
        "Where an error began: a span in error of which no child is in error. Marked by a filled sign.",
    ),
    Term(
        "OTLP",
        "OpenTelemetry Protocol",
        "How applications send telemetry: every OpenTelemetry SDK and collector speaks it, by HTTP or gRPC.",
    ),
    Term(
        "percentile",
        "",
        "p75 of 300 ms: three of four requests took at most 300 ms. "
        "Unlike an average it is not moved by a few very slow ones.",
    ),
    Term(
        "received",
        "",
        "An error that a span got from a call that it made and passed on. Marked by a dashed sign: "
        "the cause is further down.",
    ),
    Term(
        "RUM",
        "real user monitoring",
        "What visitors' browsers saw: pages, requests, errors and speed, reported by an agent in the page.",
    ),
    Term(
        "series",
        "",
        "A metric with one set of attributes, such as the orders that failed on one host: a line of its own, "
        "until they are grouped.",
    ),
    Term(
        "session",
        "",
        "One visit of one browser: all that it reported, from the first page until the visitor is gone.",
    ),
    Term(
        "span",
        "",
        "One piece of work, such as a request or a call to another service, with its beginning, its end, "
        "its status and its tags.",
    ),
    Term(
        "tag",
        "also: attribute",
        "A name with a value on a span or a log line, such as version = 1.4. "
        "Tags say whose request it was and which release served it.",
    ),
    Term(
        "tenant",
        "",
        "A group of customers that one installation serves side by side. Here each visitor has a "
        "tenant level, like a price plan.",
    ),
    Term(
        "trace",
        "",
        "All spans of one request, through every service, held together by one trace id. "
        "Its waterfall shows who called whom, and when.",
    ),
)
"""In alphabetical order, whatever the case."""
