"""Renders pages: the frame around every page, and the error page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import g, render_template, request

from frontend import rum_snippet
from frontend.assets import Assets
from frontend.problems import PageError
from frontend.screens_address import join_address, lesson_address
from frontend.settings import Settings
from frontend.visit import DEFAULT_CURRENCY, Visit, Visits
from services.common.flags import Flags
from services.common.seat import Shopper


@dataclass(frozen=True, slots=True)
class VendorScript:
    """A vendor's script in a page: for how many ms it blocks the page when it loads and at each click."""

    load_ms: int
    click_ms: int


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame around a page's content; `cart_count` is None where it is not known."""

    currencies: Sequence[str]
    currency: str
    cart_count: int | None
    seat: str
    seats_open: bool
    seat_action: str
    join_address: str
    """Where a visitor without a seat joins the class; empty where it is not known."""
    lesson_address: str
    """Where the visitor's lesson is; empty where that is not known."""
    rum: dict[str, Any] | None
    vendor: VendorScript | None


class Pages:
    """Renders templates; each gets the frame as `page`."""

    def __init__(
        self, settings: Settings, version: str, assets: Assets, visits: Visits, flags: Flags
    ) -> None:
        self._settings = settings
        self._version = version
        self._with_agent = settings.rum_enabled and assets.has_agent
        self._visits = visits
        self._flags = flags

    def render(self, template: str, currencies: Sequence[str], cart_count: int | None, **content: Any) -> str:
        """The HTML of a template for the visitor of the current request."""
        visit: Visit | None = g.get("visit")
        frame = Frame(
            currencies=currencies,
            currency=visit.currency if visit else DEFAULT_CURRENCY,
            cart_count=cart_count,
            seat=visit.shopper.seat if visit else "",
            seats_open=self._visits.open,
            seat_action=request.path if request.url_rule is not None and _accepts_get() else "/",
            join_address=join_address(self._settings),
            lesson_address=lesson_address(self._settings, visit.shopper.seat if visit else ""),
            rum=rum_snippet.agent_config(self._settings, self._version, visit) if self._with_agent else None,
            vendor=self._vendor(visit.shopper if visit else Shopper()),
        )
        return render_template(template, page=frame, **content)

    def _vendor(self, shopper: Shopper) -> VendorScript | None:
        load_ms, click_ms = self._flags.frontend_vendor_script(shopper)
        return VendorScript(round(load_ms), round(click_ms)) if load_ms or click_ms else None

    def error(self, error: PageError) -> str:
        """The error page; it calls no backend, since one of them may have failed."""
        return self.render("error.html", (), None, error=error)


def _accepts_get() -> bool:
    rule = request.url_rule
    return rule is not None and rule.methods is not None and "GET" in rule.methods
