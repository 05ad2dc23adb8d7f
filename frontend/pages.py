"""Renders pages: what the frame of every page needs, and the error page.

Knows templates, not where their content comes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import g, render_template, request

from frontend import rum_snippet
from frontend.assets import Assets
from frontend.problems import PageError
from frontend.settings import Settings
from frontend.visit import DEFAULT_CURRENCY, Visit, Visits


@dataclass(frozen=True, slots=True)
class Frame:
    """What is around a page's content; `cart_count` is None where it is not known."""

    currencies: Sequence[str]
    currency: str
    cart_count: int | None
    seat: str
    seats_open: bool
    seat_action: str
    rum: dict[str, Any] | None


class Pages:
    """Makes HTML from templates; each page gets its `page` frame."""

    def __init__(self, settings: Settings, version: str, assets: Assets, visits: Visits) -> None:
        self._settings = settings
        self._version = version
        self._with_agent = settings.rum_enabled and assets.has_agent
        self._visits = visits

    def render(self, template: str, currencies: Sequence[str], cart_count: int | None, **content: Any) -> str:
        """The HTML of `template` for the current request's visitor."""
        visit: Visit | None = g.get("visit")
        frame = Frame(
            currencies=currencies,
            currency=visit.currency if visit else DEFAULT_CURRENCY,
            cart_count=cart_count,
            seat=visit.shopper.seat if visit else "",
            seats_open=self._visits.open,
            seat_action=request.path if request.url_rule is not None and _can_be_got() else "/",
            rum=rum_snippet.agent_config(self._settings, self._version, visit) if self._with_agent else None,
        )
        return render_template(template, page=frame, **content)

    def error(self, error: PageError) -> str:
        """The error page; it asks no backend, since one of them may be what failed."""
        return self.render("error.html", (), None, error=error)


def _can_be_got() -> bool:
    rule = request.url_rule
    return rule is not None and rule.methods is not None and "GET" in rule.methods
