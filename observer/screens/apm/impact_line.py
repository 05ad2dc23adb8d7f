"""The line about the key operation on the pages of APM."""

from __future__ import annotations

from observer.components.impact import Impact, impact
from observer.lookup.key_operation import key_operation
from observer.request import context
from observer.request.key_argument import chosen_operation
from observer.request.parameters import Query
from observer.request.scope import Scope
from store.api import Operation, Reader


def impact_line(reader: Reader, scope: Scope, query: Query) -> tuple[Operation | None, Impact]:
    """The operation that the address names, or that is found, and its line."""
    configured = context.settings().measured_operations
    key = key_operation(reader, scope.window, scope.environment, configured, chosen_operation(query))
    return key.of, impact(key.of, key.why, key.found, key.offered, scope.zone)
