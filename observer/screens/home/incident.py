"""The home page's answers to an incident: how bad it is for whom, and what is slow."""

from __future__ import annotations

from collections.abc import Mapping

from flask import request

from observer.components.compared import load_compared
from observer.components.impact import Impact, impact
from observer.components.slowest import Slowest, slowest
from observer.lookup.key_operation import key_operation
from observer.request import context
from observer.request.key_argument import chosen_operation
from observer.request.links import scoped
from observer.request.parameters import Query
from observer.request.scope import Scope
from store.api import Latency, Measure, Operation, Reader


def incident(reader: Reader, scope: Scope, *, in_lesson: bool) -> tuple[Impact, Slowest]:
    """The line about the key operation, and the slowest operations."""
    measures, cut = _operations(reader, scope, in_lesson=in_lesson)
    before, _ = reader.operation_measures(scope.window.before(), scope.environment)
    key = key_operation(
        reader,
        scope.window,
        scope.environment,
        context.settings().measured_operations,
        chosen_operation(Query(request.args, context.now_unix_nano())),
        measures,
    )
    return (
        impact(key.of, key.why, key.found, key.offered, scope.zone),
        slowest(measures, before, load_compared(reader, scope), _names, _slow_traces, _p90, cut=cut),
    )


def _p90(latency: Latency) -> int | None:
    return latency.p90_ns


def _operations(reader: Reader, scope: Scope, *, in_lesson: bool) -> tuple[Mapping[Operation, Measure], bool]:
    """The measures by operation; where a lesson runs, of services that nobody calls only."""
    measures, cut = reader.operation_measures(scope.window, scope.environment)
    if not in_lesson:
        return measures, cut
    called = {edge.target for edge in reader.service_map(scope.window, scope.environment).edges}
    return {of: measure for of, measure in measures.items() if of.service not in called}, cut


def _names(of: Operation) -> tuple[str, str]:
    return of.operation, of.service


def _slow_traces(of: Operation) -> str:
    return scoped("/apm/traces", service=of.service, operation=of.operation, exact="1", sort="slowest")
