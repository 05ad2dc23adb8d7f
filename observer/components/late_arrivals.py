"""What arrived in a page's range and tells of a time before it, so that the page does not list it."""

from __future__ import annotations

from dataclasses import dataclass

from observer.components.number_format import plural
from observer.request.time_range import range_args
from store.api import Reader, Window

_MARGIN_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class LateNotice:
    """That something came late, and the range that lists it."""

    text: str
    begin: str
    end: str
    """`from` and `to` of an address."""


def late_notice(reader: Reader, window: Window) -> LateNotice | None:
    """The notice of a list of this window; None where nothing came late."""
    found = reader.late_arrivals(window)
    if found is None:
        return None
    counts = ((found.spans, "span"), (found.logs, "log"))
    items = " and ".join(plural(number, noun) for number, noun in counts if number)
    args = range_args(
        Window(max(0, found.oldest_unix_nano - _MARGIN_NS), found.newest_unix_nano + _MARGIN_NS)
    )
    return LateNotice(
        f"{items or 'Something'} arrived in this time and told of an earlier one: sent late, imported, "
        "or of a clock that is slow.",
        args["from"],
        args["to"],
    )
