"""The design system's own addresses (theme, keys, patterns) and the filters of every template."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, redirect, render_template, request
from markupsafe import Markup

from observer.components import (
    contrast,
    keyboard,
    number_format as formats,
    page_header,
    safe_text,
    trace_notes,
)
from observer.components.json_tree import tree
from observer.request import context
from observer.request.page_request import (
    filtered,
    header,
    here,
    here_at,
    left_out,
    more,
    open_ended,
    scoped,
    service_url,
    without,
    zone,
)
from observer.web import asset
from signals.model import Attributes

blueprint = Blueprint("ui", __name__)

_YEAR_S = 31_536_000


_GLOBALS: dict[str, Callable[..., object]] = {
    "chrome": header,
    "scoped": scoped,
    "service_url": service_url,
    "here": here,
    "here_at": here_at,
    "filtered_more": more,
    "left_out": left_out,
    "open_ended": open_ended,
    "filtered": filtered,
    "without": without,
    "address": page_header.address,
    "key_groups": keyboard.groups,
    "data_keys": keyboard.data_keys,
    "sections_of": lambda area: page_header.SECTIONS.get(area, ()),
}
for _name, _global in _GLOBALS.items():
    blueprint.add_app_template_global(_global, _name)


def _when(unix_nano: int | None, style: str = "stamp") -> Markup | str:
    """A `<time>` in the reader's zone; style `stamp`, `exact`, `clock`, `fine` or `ago`."""
    if unix_nano is None:
        return formats.NOTHING
    if style == "ago":
        words = formats.ago(unix_nano, context.now_unix_nano())
    elif style == "clock":
        words = formats.clock(unix_nano, zone())
    elif style == "exact":
        words = formats.stamp(unix_nano, zone()) + formats.clock(unix_nano, zone())[8:]
    elif style == "fine":
        words = formats.moment(unix_nano, zone()).strftime("%H:%M:%S.%f")
    else:
        words = formats.stamp(unix_nano, zone())
    exact = formats.moment(unix_nano, zone()).strftime("%Y-%m-%d %H:%M:%S.%f %Z")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(formats.iso(unix_nano), exact, words)


_FILTERS: dict[str, Callable[..., object]] = {
    "duration": formats.duration,
    "count": formats.count,
    "plural": formats.plural,
    "size": formats.size,
    "percent": formats.percent,
    "visible": safe_text.visible,
    "oneline": safe_text.line,
    "whole": safe_text.whole,
    "dotted": safe_text.dotted,
    "ends": safe_text.ends,
    "plain": safe_text.plain,
    "when": _when,
    "keycap": keyboard.label,
    "row_notes": trace_notes.row_notes,
    "trace_notes": trace_notes.trace_notes,
}
for _name, _filter in _FILTERS.items():
    blueprint.add_app_template_filter(_filter, _name)


@blueprint.get("/favicon.ico")
def favicon() -> Response:
    """Browsers ask for it whatever the page says."""
    return _back(asset("favicon.svg"), 301)


@blueprint.post("/-/theme")
def choose_theme() -> Response:
    """Keep the theme in a cookie, so that the server draws the right one, and go back."""
    wanted = request.form.get("theme", "")
    answer = _back(request.form.get("next", "/"), 303)
    answer.set_cookie(
        page_header.THEME_COOKIE,
        wanted if wanted in page_header.THEMES else "auto",
        max_age=_YEAR_S,
        samesite="Lax",
    )
    return answer


def _back(address: str, status: int) -> Response:
    """A redirect that never leaves this application."""
    local = address.startswith("/") and not address.startswith(("//", "/\\"))
    answer = redirect(address if local else "/", status)
    assert isinstance(answer, Response)
    return answer


@blueprint.get("/-/keys")
def key_list() -> str:
    """Every keyboard shortcut."""
    return render_template("ui/keys.html")


@blueprint.get("/-/patterns")
def patterns() -> str:
    """Every component, in both themes at once."""
    provider: Attributes = {"name": "buttercup", "ok": False, "codes": [401]}
    sample: Attributes = {"severity": "error", "attempt": 2, "provider": provider}
    return render_template(
        "patterns/patterns.html", pairs=contrast.measured(contrast.tokens()), tree=tree(sample)
    )
