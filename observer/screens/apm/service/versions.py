"""The versions of a service, each attribute apart with what it means. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from observer.components.number_format import NOTHING, count, percent
from observer.screens.apm.measure_view import MeasureView, measure_view
from store.api import Operation, Seen, VersionRow, Versions

_MEANINGS: Final[Mapping[str, str]] = {
    "service.version": "the build of the process that answered, that its resource names for all its spans",
    "version": "what a sender writes on single spans, for instance the release that served this request: "
    "one process may serve several",
    "app.version": "the release of the application that the request belongs to, such as that of its page",
}
_SHOWN: Final = 20
"""Versions of one attribute, those that were first seen last."""


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One value of one attribute."""

    value: str
    """Empty for requests without it."""
    seen: Seen | None
    measure: MeasureView
    key_failed: str
    """`76 of 241 (31.5 %)` of the key operation; a dash where none met it."""
    key_bad: bool


@dataclass(frozen=True, slots=True)
class VersionGroup:
    """One attribute."""

    tag: str
    meaning: str
    lines: tuple[VersionLine, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class VersionTable:
    """All attributes that say a version."""

    groups: tuple[VersionGroup, ...]
    key: str
    """The key operation, whose failures the last column counts; empty for none."""
    truncated: bool


def version_table(found: Versions, key: Operation | None) -> VersionTable:
    """The table of a service from what the store found."""
    groups = []
    for tag, rows in groupby(found.rows, key=lambda row: row.tag):
        lines = [_line(row) for row in rows]
        groups.append(
            VersionGroup(tag, _MEANINGS.get(tag, ""), tuple(lines[:_SHOWN]), max(0, len(lines) - _SHOWN))
        )
    return VersionTable(tuple(groups), key.operation if key else "", found.truncated)


def _line(row: VersionRow) -> VersionLine:
    failed = NOTHING
    if row.key_requests:
        failed = f"{count(row.key_failed)} of {count(row.key_requests)}"
        if row.key_failed:
            failed += f" ({percent(row.key_failed / row.key_requests)})"
    return VersionLine(row.value, row.seen, measure_view(row.measure), failed, bool(row.key_failed))
