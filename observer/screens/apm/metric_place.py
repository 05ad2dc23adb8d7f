"""The place of a service's metrics on its page and in the map's panel: filled by a question of its own.

Charts take a while, so the page asks for them after it is shown; without a script a link shows them in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flask import render_template, request

from observer.components.related_metrics import RelatedMetrics
from observer.request import context
from observer.request.links import here, scoped
from observer.request.page_request import current_scope
from observer.request.parameters import Query
from observer.screens.apm.blueprint import blueprint
from observer.screens.apm.service_metrics import COMPACT, WHOLE, Form, ServiceMetrics, load_service_metrics
from store.api import MetricName

_SHOWN: Final = "metrics"
"""The argument of a page that shows them at once."""
_PANEL: Final = "panel"


@dataclass(frozen=True, slots=True)
class MetricPlace:
    """Where the metrics of a service go."""

    service: str
    form: Form
    related: RelatedMetrics
    address: str
    """Asked for after the page is shown."""
    id: str
    """Of its element: another one on each page, so that a page which is brought up to date asks anew."""
    href: str
    """Shows them at once."""
    shown: ServiceMetrics | None
    """Set where they are to be shown at once."""


def place_of(
    service: str, names: Sequence[MetricName], *, more: bool, form: Form = WHOLE
) -> MetricPlace | None:
    """The place of the metrics of a service, which sent these in the reader's scope; None without any."""
    if not names:
        return None
    scope = current_scope()
    asked = Query(request.args, context.now_unix_nano()).flag(_SHOWN)
    return MetricPlace(
        service=service,
        form=form,
        related=RelatedMetrics(service, None if more else len(names), scoped("/metrics", service=service)),
        address=scoped("/apm/service-metrics", name=service, form=_PANEL if form.compact else None),
        id=f"service-metrics-{scope.now_unix_nano}",
        href=here(**{_SHOWN: "1"}),
        shown=_metrics_of(service, form) if asked else None,
    )


def _metrics_of(service: str, form: Form) -> ServiceMetrics:
    return load_service_metrics(context.reader(), service, current_scope(), form)


@blueprint.get("/apm/service-metrics")
@context.one_snapshot
def service_metrics() -> str:
    """The metrics of the service `name`."""
    query = Query(request.args, context.now_unix_nano())
    service = query.text("name") or ""
    form = COMPACT if query.choice("form", (_PANEL,)) == _PANEL else WHOLE
    return render_template(
        "apm/_service_metrics.html",
        metrics=_metrics_of(service, form),
        service=service,
        compact=form.compact,
    )
