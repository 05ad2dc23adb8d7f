"""Conditions on rows of the exporter's tables, as SQL."""

from __future__ import annotations

from typing import Final

from signals.folding import fold, is_simple
from store.clickhouse.connection import Values
from store.clickhouse.row_columns import BROWSER_FLAG, ERROR_FLAG
from store.clickhouse.schema import NOT_OURS
from store.clickhouse.tables import Table

_BROWSER = (
    "(SpanAttributes['splunk.rumSessionId'] != '' OR ResourceAttributes['telemetry.sdk.language'] = 'webjs' "
    "OR SpanAttributes['telemetry.sdk.language'] = 'webjs' "
    "OR ResourceAttributes['process.runtime.name'] = 'browser' "
    "OR SpanAttributes['process.runtime.name'] = 'browser' "
    "OR arrayExists(k -> startsWith(k, 'browser.'), mapKeys(ResourceAttributes)))"
)
"""`signals.browser_events.is_browser` in SQL."""
_ERROR = (
    "(StatusCode = 'Error' OR (mapContains(SpanAttributes, 'error') "
    "AND lower(trimBoth(SpanAttributes['error'])) NOT IN ('', '0', 'false')))"
)
"""`signals.semantics.is_error` in SQL."""
_BAGS: Final = ("SpanAttributes", "ResourceAttributes")
ALL_VALUES: Final = "arrayConcat(mapValues(SpanAttributes), mapValues(ResourceAttributes))"
"""What the index of values of our copy holds of each span."""
_ALIKE: Final = (("ß", "ss"), ("i\u0307", "i"), ("\u0131", "i"))
"""What `signals.folding` takes for alike beyond what `lowerUTF8` does."""


def _flagged(table: Table, flag: int, otherwise: str) -> str:
    if not table.has("LabFlags"):
        return otherwise
    return f"if(LabFlags != {NOT_OURS}, bitAnd(LabFlags, {flag}) != 0, {otherwise})"


def is_browser_row(table: Table) -> str:
    """Whether a row is a browser's span."""
    if table.has("LabBrowser"):
        return "(LabBrowser = 1)"
    return _flagged(table, BROWSER_FLAG, _BROWSER)


def is_backend(table: Table) -> str:
    """Whether it is not."""
    return f"NOT {is_browser_row(table)}"


def is_error_row(table: Table) -> str:
    """Whether a backend's span is in error."""
    if table.has("LabError"):
        return "(LabError = 1)"
    return f"({is_backend(table)} AND {_flagged(table, ERROR_FLAG, _ERROR)})"


def carries(values: Values, name: str, value: str, own: str = "SpanAttributes") -> str:
    """Whether an attribute, else that of the resource, has this text."""
    key, text = values.text(name), values.text(value)
    return (
        f"if(mapContains({own}, {key}), {own}[{key}] = {text}, "
        f"mapContains(ResourceAttributes, {key}) AND ResourceAttributes[{key}] = {text})"
    )


def may_carry(values: Values, value: str) -> str:
    """What the index of values tells of the same, true of every row that is read."""
    return f"indexHint(has({ALL_VALUES}, {values.text(value)}))"


def holds(column: str, part: str, values: Values) -> str:
    """Whether a text holds a part, as `signals.folding` compares them, rare letters excepted."""
    sought = values.text(fold(part))
    column = f"replaceAll({column}, char(0), ' ')"
    folded = f"lowerUTF8(normalizeUTF8NFKC({column}))"
    for odd, plain in _ALIKE:
        folded = f"replaceAll({folded}, '{odd}', '{plain}')"
    folded = f"position({folded}, {sought}) > 0"
    if not is_simple(part):
        return folded
    beyond_ascii = f"(length({column}) != lengthUTF8({column}) AND {folded})"
    return f"(positionCaseInsensitive({column}, {values.text(part)}) > 0 OR {beyond_ascii})"


def session_column(table: Table) -> str:
    """SQL for the session of a row; empty of a backend's span. `signals.browser_events.session_of` in SQL."""
    if table.has("LabOwn"):
        return "LabOwn"
    named = ", ".join(f"nullIf({bag}['splunk.rumSessionId'], '')" for bag in _BAGS)
    otherwise = ", ".join(f"nullIf({bag}['session.id'], '')" for bag in _BAGS)
    found = f"coalesce({named}, if({is_browser_row(table)}, coalesce({otherwise}, ''), ''))"
    return f"if(LabFlags != {NOT_OURS}, LabSession, {found})" if table.has("LabSession") else found
