"""The header of the page request at hand, with the environments that the store knows."""

from __future__ import annotations

from collections.abc import Sequence

from flask import current_app, request

from observer.components import page_header
from observer.components.page_header import PageHeader
from observer.request import context
from observer.request.errors import Malformed
from observer.request.links import own_path
from observer.request.page_request import current_scope, scope_or_default, theme
from observer.request.scope import Scope
from store.api import StoreError

_ENVIRONMENTS_FOR_NS = 5_000_000_000
_ENVIRONMENTS_KEPT = 64


def current_header(area: str = "") -> PageHeader:
    """The header of this request's page. A bad time range or an unavailable store is not an error here."""
    try:
        scope, bad_range = current_scope(), False
    except Malformed:
        scope, bad_range = scope_or_default(), True
    environments = _environments(scope)
    arguments = list(request.args.items(multi=True))
    return page_header.build(own_path(), arguments, scope, theme(), environments, area, bad_range=bad_range)


def _environments(scope: Scope) -> Sequence[str]:
    """Those seen in the scope, kept for a few seconds because every page shows them."""
    kept: dict[str, tuple[int, Sequence[str]]] = current_app.extensions.setdefault("environments", {})
    key = scope.since or str(scope.window)
    now = context.now_unix_nano()
    if key in kept and 0 <= now - kept[key][0] < _ENVIRONMENTS_FOR_NS:
        return kept[key][1]
    try:
        found = context.reader().environments(scope.window)
    except StoreError:
        return ()
    if len(kept) >= _ENVIRONMENTS_KEPT:
        kept.clear()
    kept[key] = (now, found)
    return found
