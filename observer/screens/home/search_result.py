"""What the search page lists where several things fit, and reports where nothing does. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from observer.components.number_format import plural
from observer.lookup.resolve import KINDS, Kind, Resolved, Unresolved

_TITLES: dict[Kind, str] = {
    "trace": "Traces",
    "span": "Spans",
    "event": "Browser events",
    "session": "Sessions",
    "order": "Orders",
    "log": "Logs",
    "seat": "Seats",
    "service": "Services",
    "metric": "Metrics",
    "page": "Pages",
}


@dataclass(frozen=True, slots=True)
class MatchGroup:
    """What fits a text, of one kind."""

    title: str
    links: tuple[tuple[str, str], ...]
    """(label, address) each."""


def match_groups(found: Sequence[tuple[Resolved, str]]) -> tuple[MatchGroup, ...]:
    """What was found, each with its address, by kind."""
    groups = []
    for kind in sorted(KINDS, key=lambda each: each not in ("seat", "service")):
        links = tuple((each.label or each.url, address) for each, address in found if each.kind == kind)
        if links:
            groups.append(MatchGroup(_TITLES[kind], links))
    return tuple(groups)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The result of a search that found no page to go to."""

    title: str
    before_id: str
    after_id: str
    """The explanation, before and after the id; empty where the explanation does not name it."""
    explanation: str
    """The rest of the explanation, which does not name the id."""
    logs_label: str
    """The label of the link to the logs of the trace; empty without logs."""
    logs_trace: str
    """The trace id of these logs."""
    tried: tuple[str, ...] = ()
    """What the text was looked for as, in words."""


def search_result(found: Unresolved) -> SearchResult:
    """The result for an id that is in the store only as the trace id of logs, was pruned, or is unknown."""
    if found.logs:
        one = found.logs == 1
        before, after, rest = "", "", ""
        if found.pruned:
            before, after = "The spans of ", " were here and have been pruned."
        else:
            written = "it" if one else "them"
            rest = f"The service that wrote {written} sends no spans, or has not sent them yet."
        return SearchResult(
            title=f"No span of this trace has arrived, but {plural(found.logs, 'log')}",
            before_id=before,
            after_id=after,
            explanation=rest,
            logs_label="Open the log" if one else "Open the logs",
            logs_trace=found.logs_trace,
        )
    if found.pruned:
        after = " was here; the store keeps what is newest. Make a new one, or give the store more room."
        return SearchResult("This was here and has been pruned", "", after, "", "", "")
    after = (
        " is nothing that has arrived. "
        "If it was made just now, wait a second and try again: telemetry is sent in batches."
    )
    return SearchResult("Nothing here fits this", "", after, "", "", "", found.tried)
