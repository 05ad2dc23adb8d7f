"""The functions and filters that every template may use, under the names that templates know."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint
from markupsafe import Markup, escape

from observer import trace_notes
from observer.components import keyboard, number_format, safe_text, time_format
from observer.components.broadcast import broadcast
from observer.components.current_header import current_header
from observer.components.explanation import explanation
from observer.components.limited import limited
from observer.components.settling_line import settling_line
from observer.components.status_badge import status_badge
from observer.request import context, links
from observer.request.page_request import in_utc, zone
from signals.ids import short_trace_id


def when(unix_nano: int | None, style: str = "stamp") -> Markup | str:
    """A `<time>` in the reader's zone; style `stamp`, `exact`, `clock`, `second`, `fine` or `ago`."""
    if unix_nano is None:
        return number_format.NOTHING
    full, zone_name, machine = time_format.spelled(unix_nano, zone())
    if style == "ago":
        shown = time_format.ago(unix_nano, context.now_unix_nano())
    else:
        shown = full[time_format.STYLES[style]]
    # By hand: `Markup.format` takes three times as long, and a page has hundreds.
    inside = f'datetime="{machine}" title="{full} {escape(zone_name)}">{escape(shown)}'
    return Markup(f"<time {inside}</time>")  # noqa: S704  # escaped above; a date has nothing to escape


FUNCTIONS: dict[str, Callable[..., object]] = {
    "broadcast": broadcast,
    "page_header": current_header,
    "scoped": links.scoped,
    "unbounded": links.unbounded,
    "service_url": links.service_url,
    "metric_url": links.metric_url,
    "here": links.here,
    "here_at": links.here_at,
    "filtered_more": links.with_attribute,
    "left_out": links.without_value,
    "open_ended": links.open_ended,
    "filtered": links.filtered,
    "without": links.without_filter,
    "address": links.address,
    "key_groups": keyboard.groups,
    "data_keys": keyboard.data_keys,
    "can_act": context.can_act,
    "in_utc": in_utc,
    "settling_line": settling_line,
    "explanation": explanation,
    "status_badge_of": status_badge,
}
FILTERS: dict[str, Callable[..., object]] = {
    "duration": number_format.duration,
    "count": number_format.count,
    "plural": number_format.plural,
    "size": number_format.size,
    "percent": number_format.percent,
    "width_percent": number_format.width_percent,
    "limited": limited,
    "visible": safe_text.visible,
    "typed": safe_text.typed,
    "short_trace": short_trace_id,
    "oneline": safe_text.line,
    "whole": safe_text.whole,
    "dotted": safe_text.dotted,
    "ends": safe_text.ends,
    "plain": safe_text.plain,
    "when": when,
    "keycap": keyboard.label,
    "row_notes": trace_notes.row_notes,
    "trace_notes": trace_notes.trace_notes,
}


def register(blueprint: Blueprint) -> None:
    """Offer the functions and filters to the templates of the whole application."""
    for name, function in FUNCTIONS.items():
        blueprint.add_app_template_global(function, name)
    for name, function in FILTERS.items():
        blueprint.add_app_template_filter(function, name)
