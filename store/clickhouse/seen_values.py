"""Names and values that spans have, minute by minute: what VALUES and APPS hold, as SQL.

What a list of environments or a search by a part of a name asks of every span is asked of these instead.
"""

# ruff: noqa: S608 - what is put into SQL text are names of ours

from __future__ import annotations

from typing import Final

from signals.attributes import ENVIRONMENT_NAMES
from signals.semantics import PROMOTED
from store.tags import HAPPENED_TAGS, SESSION_TAGS

SOUGHT: Final = frozenset(PROMOTED) | SESSION_TAGS | HAPPENED_TAGS
"""Attributes whose values are found by a part of them."""
ENVIRONMENT, SENDER, CALLED, ANSWERED = " environment", " sender", " called", " answered"
"""What is no attribute has a name that begins with a blank."""
_BAGS: Final = ("SpanAttributes", "ResourceAttributes")
_OF_BROWSER: Final = (
    "coalesce(nullIf(SpanAttributes['environment'], ''), "
    "nullIf(SpanAttributes['deployment.environment'], ''), "
    "nullIf(SpanAttributes['deployment.environment.name'], ''), "
    "nullIf(ResourceAttributes['environment'], ''), "
    "nullIf(ResourceAttributes['deployment.environment'], ''), "
    "ResourceAttributes['deployment.environment.name'])"
)


def environment_sql() -> str:
    """SQL for the environment that a span names."""
    names = [f"nullIf({own}['{name}'], '')" for own in _BAGS for name in ENVIRONMENT_NAMES]
    return f"coalesce({', '.join(names)}, '')"


def app_and_environment(aggregate: str = "argMax") -> tuple[str, str]:
    """SQL for what the spans of a session name, of each the newest that is not empty."""
    found = [
        f"{aggregate}({value}, ({value} != '', Timestamp))"
        for value in ("SpanAttributes['app']", _OF_BROWSER)
    ]
    return found[0], found[1]


def app_states() -> str:
    """The same, to be put together later, as columns of APPS."""
    app, environment = app_and_environment("argMaxState")
    return f"{app} AS App, {environment} AS Environment"


def values_sql(minute: str, *, tagged: bool) -> str:
    """What the view selects: (Name, Minute, Value) of each name that a span of our copy has."""
    names = ", ".join(f"'{name}'" for name in sorted(SOUGHT))
    # Of a name that several have, the value of the last of them counts.
    bags = ["ResourceAttributes", "SpanAttributes", *(["LabTags"] if tagged else [])]
    merged = ""
    for bag in bags:
        own = f"mapFilter((k, v) -> v != '' AND k IN ({names}), {bag})"
        merged = f"mapUpdate({merged}, {own})" if merged else own
    called = ["SpanAttributes['peer.service']", *(["LabPeer"] if tagged else [])]
    others = [
        f"('{ENVIRONMENT}', {environment_sql()})",
        f"('{SENDER}', if(LabBrowser = 0, toString(ServiceName), ''))",
        f"('{ANSWERED}', if(SpanKind IN ('Server', 'Consumer') AND ParentSpanId != '', "
        "toString(ServiceName), ''))",
        *(f"('{CALLED}', toString({name}))" for name in called),
    ]
    kind = "Array(Tuple(String, String))"
    pairs = (
        f"arrayFilter(each -> each.2 != '', arrayConcat(CAST(arrayZip(mapKeys(held), mapValues(held)) "
        f"AS {kind}), CAST([{', '.join(others)}] AS {kind})))"
    )
    return (
        f"SELECT pair.1 AS Name, Minute, pair.2 AS Value FROM (SELECT {minute} AS Minute, {merged} AS held, "
        f"arrayJoin({pairs}) AS pair FROM {{source}}) GROUP BY Name, Minute, Value"
    )
