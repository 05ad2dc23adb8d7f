"""The APM area's blueprint and what its templates may call; its views are in the modules beside."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint

from observer.components import measures
from observer.drawing import bars
from observer.screens.apm.trace.trace_facts import TimeShare, failing_first, status_code_of, status_words

blueprint = Blueprint("apm", __name__)


def _stacked_bar(shares: tuple[TimeShare, ...], label: str) -> str:
    return bars.stacked([bars.Share(share.name, share.css, share.percent) for share in shares], label)


_HELPERS: dict[str, Callable[..., object]] = {
    "stacked_bar": _stacked_bar,
    "failing_first": failing_first,
    "outcomes": measures.outcomes,
    "recovered": measures.recovered,
    "per_minute": measures.per_minute,
    "bar_meter": bars.meter,
    "span_bar": bars.span_bar,
    "status_code": status_code_of,
    "status_words": status_words,
}
for _name, _helper in _HELPERS.items():
    blueprint.add_app_template_global(_helper, _name)
