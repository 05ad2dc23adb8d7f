"""Addresses of this page of logs with other filters or another time range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from flask import request

from observer.request import links
from observer.request.links import here, open_ended, with_attribute, without_value
from observer.request.time_range import range_args
from observer.screens.logs import filter_syntax
from observer.screens.logs.field_panel import MatchingField, PanelField
from observer.screens.logs.log_window import wider
from store.api import HistogramColumn, Window


@dataclass(frozen=True, slots=True)
class LinkedField:
    """A field with the addresses that one of its values completes."""

    field: PanelField
    add: str
    """Filters by the value."""
    exclude: str
    """Leaves the value out; empty where a link cannot do so."""


def linked_field(field: PanelField) -> LinkedField:
    """A field with the beginnings of its links."""
    if field.in_record:
        add = open_ended(here(log=None, **{field.argument: None}), field.argument)
    else:
        add = with_attribute(field.name, "")
    return LinkedField(field, add, without_value(field.name, "") if field.excludable else "")


def matching_field_link(field: MatchingField) -> str:
    """This page with a filter by the field in place of the searched text."""
    pairs = [pair for pair in request.args.items(multi=True) if pair[0] != "q"]
    return links.address("/logs", filter_syntax.including(pairs, field.name, field.value))


def column_links(columns: Sequence[HistogramColumn], window: Window) -> list[str]:
    """For each column of the histogram, this page in the column's own time range."""
    starts = [column.start_unix_nano for column in columns] + [window.to_unix_nano]
    # What they have in common is put together once.
    begin = here(since=None, live=None, **{"from": None, "to": None})
    begin += "&" if "?" in begin else "?"
    ranges = [range_args(Window(start, max(start + 1, end))) for start, end in pairwise(starts)]
    # As `urlencode` writes them: of a time, the colons alone are not as they are.
    return [begin + _query(each) for each in ranges]


def _query(times: dict[str, str]) -> str:
    return "&".join([f"{name}={time}" for name, time in times.items()]).replace(":", "%3A")


def zoom_out_link(window: Window, now_unix_nano: int) -> str:
    """This page in a time range three times as long."""
    return here(since=None, live=None, log=None, **range_args(wider(window, now_unix_nano)))


def without_range_link() -> str:
    """This page without a time range of its own."""
    return here(**{"from": None, "to": None, "since": None, "log": None})
