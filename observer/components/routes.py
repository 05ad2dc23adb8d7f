"""The addresses of the design system itself: theme, keyboard, glossary, patterns, favicon."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request

from observer.components import contrast, glossary, template_functions
from observer.components.broadcast import DISMISSED_COOKIE, Broadcast, broadcast, number
from observer.components.json_tree import tree
from observer.request.page_request import THEME_COOKIE, THEMES, UTC_COOKIE
from observer.request.responses import redirect_within
from observer.web import asset
from signals.model import Attributes

blueprint = Blueprint("ui", __name__)
template_functions.register(blueprint)

_YEAR_S = 31_536_000


@blueprint.get("/favicon.ico")
def favicon() -> Response:
    """Browsers request this address without being linked to it."""
    return redirect_within(asset("favicon.svg"), 301)


@blueprint.post("/-/theme")
def choose_theme() -> Response:
    """Keep the theme in a cookie, so that the server renders the right one, and go back."""
    theme = request.form.get("theme", "")
    answer = redirect_within(request.form.get("next", "/"), 303)
    answer.set_cookie(THEME_COOKIE, theme if theme in THEMES else "auto", max_age=_YEAR_S, samesite="Lax")
    return answer


@blueprint.post("/-/utc")
def choose_utc() -> Response:
    """Show times in UTC, or in the reader's own zone again, and go back."""
    answer = redirect_within(request.form.get("next", "/"), 303)
    chosen = "1" if request.form.get("utc") == "1" else "0"
    answer.set_cookie(UTC_COOKIE, chosen, max_age=_YEAR_S, samesite="Lax")
    return answer


@blueprint.get("/-/message")
def message() -> Response:
    """The instructor's line, if one came that the asking page does not know; else 204."""
    line = broadcast()
    if line is None or line.after <= number(request.args.get("after", "")):
        return Response(status=204)
    return Response(render_template("components/broadcast.html", line=line, next=""))


@blueprint.post("/-/message/dismiss")
def dismiss_message() -> Response:
    """Keep in a cookie that the reader has read a line; without script, lead back."""
    dismissed = number(request.form.get("id", ""))
    if request.headers.get("HX-Request"):
        line = Broadcast(None, dismissed)
        answer = Response(render_template("components/broadcast.html", line=line, next=""))
    else:
        answer = redirect_within(request.form.get("next", "/"), 303)
    answer.set_cookie(DISMISSED_COOKIE, str(dismissed), max_age=_YEAR_S, samesite="Lax", httponly=True)
    return answer


@blueprint.get("/-/keys")
def key_list() -> str:
    """Every keyboard shortcut."""
    return render_template("ui/keys.html", terms=glossary.TERMS)


@blueprint.get("/-/glossary")
def glossary_page() -> str:
    """The terms of the screens."""
    return render_template("ui/glossary.html", terms=glossary.TERMS)


@blueprint.get("/-/patterns")
def patterns() -> str:
    """Every component, in both themes at once."""
    provider: Attributes = {"name": "buttercup", "ok": False, "codes": [401]}
    sample: Attributes = {"severity": "error", "attempt": 2, "provider": provider}
    return render_template(
        "patterns/patterns.html",
        pairs=contrast.measure_pairs(contrast.tokens()),
        tree=tree(sample),
        long_value="A long value. " * 40,
    )
