"""The panel "Who is affected" of a service, for all of its operations or the one that the reader chose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from observer.components.affected_panel import AffectedPanel, affected_panel
from observer.request.parameters import Query
from observer.request.scope import Scope
from store.api import Measure, Reader

ARGUMENT: Final = "affected"
"""The argument of an address that names the operation."""
_MOST: Final = 40


def affected_of(
    reader: Reader,
    scope: Scope,
    query: Query,
    service: str | None,
    operations: Mapping[str, Measure],
    where: Mapping[str, str] | None = None,
) -> AffectedPanel:
    """The panel; `operations` are those of the service, of which the worst are offered."""
    chosen = query.text(ARGUMENT) if service else None
    found = reader.affected(service, scope.window, where, chosen, environment=scope.environment)
    offered = _offered(operations, chosen) if service else ()
    return affected_panel(found, scope.zone, operation=chosen or "", operations=offered)


def _offered(operations: Mapping[str, Measure], chosen: str | None) -> tuple[str, ...]:
    """Those with the most errors, then the most requests; the chosen one in any case."""
    ranked = sorted(operations.items(), key=lambda pair: (-pair[1].errors, -pair[1].requests, pair[0]))
    names = [name for name, _ in ranked[:_MOST]]
    if chosen and chosen not in names:
        names.append(chosen)
    return tuple(names)
