"""What arrived after a page was rendered: the address that a page asks again and again, and its answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask import Response, render_template

from observer.request import links
from observer.request.scope import SCOPE_KEYS, Scope

_REPLACED = frozenset({*SCOPE_KEYS, "cursor", "sort"}) - {"whose"}
"""The scope is added anew, but for whose traffic a page counts; what arrived depends on no page or order."""


@dataclass(frozen=True, slots=True)
class Update:
    """How much arrived, and its announcement: `3 new sessions`."""

    count: int
    words: str


def address(scope: Scope, path: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Where a page asks for updates, within its scope; empty where it is paused or of a fixed range.

    `pairs` may be all arguments of the page: its position in a list and the order are left out.
    """
    if not scope.live:
        return ""
    own = [pair for pair in pairs if pair[0] not in _REPLACED]
    names = {name for name, _ in own}
    return links.address(path, [*((k, v) for k, v in scope.args().items() if k not in names), *own])


def answer(update: Update) -> Response:
    """The button that shows what arrived, or 204 where nothing did."""
    if not update.count:
        return Response(status=204)
    return Response(render_template("components/updates.html", update=update))
