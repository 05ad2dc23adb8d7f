"""What a visitor can see in one of the shop's pages: agent, total, forms, headings.

Pure reading of HTML, and what the cart page's script would do with it. Must not
know how the page was made or how it is fetched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

from loadgen.agent import AgentConfig, ScriptError

_AGENT = re.compile(r"""<script\b[^>]*\bsrc=["'][^"']*splunk-otel-web[^"']*["']""", re.IGNORECASE)
_CONFIG = re.compile(
    r"""<script\b[^>]*\bid=["']rum-config["'][^>]*>(.*?)</script>""", re.DOTALL | re.IGNORECASE
)
_TOTAL = re.compile(r"""<output\b[^>]*\bid=["']order-total["'][^>]*>([^<]*)<""", re.IGNORECASE)
_TOTAL_SCRIPT = re.compile(r"""<script\b[^>]*\bsrc=["']([^"']*cart-total[^"']*)["']""", re.IGNORECASE)
_HEADING = re.compile(r"<h1\b[^>]*>(.*?)</h1>", re.DOTALL | re.IGNORECASE)
_ORDER = re.compile(r"""\bid=["']order-id["'][^>]*>([^<]*)<""", re.IGNORECASE)
_PAID = re.compile(r"""\bid=["']total-paid["'][^>]*>([^<]*)<""", re.IGNORECASE)
_FORM = re.compile(r"<form\b[^>]*>.*?</form>", re.DOTALL | re.IGNORECASE)
_PRODUCT = re.compile(r"""\bhref=["']/product/([^"'/?#]+)["']""", re.IGNORECASE)
_SEAT_PANEL = re.compile(r"""<details\b[^>]*\bclass=["'](?:[^"']* )?seat[ "']""", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
_FALLBACK_STACK = "TypeError: {message}\n    at getProductPrice ({script})"
_NANOS_OF_A_CENT = 10_000_000


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it would be sent untouched."""

    id: str
    action: str
    method: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Total:
    """The cart page's total: what stands in the page, and the cart its script works on."""

    text: str
    cart: Mapping[str, Any]
    misspelt: bool
    """The page was made by the release whose script reads a property that does not exist."""
    script_url: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """What running the total's script comes to."""

    shown: str
    logged: tuple[ScriptError, ...] = ()
    thrown: ScriptError | None = None


class Page:
    """One HTML document."""

    def __init__(self, url: str, html: str) -> None:
        self.url = url
        self.html = html

    def agent_config(self) -> AgentConfig | None:
        """What the RUM agent is started with; None where the page has no agent or no usable options."""
        found = _CONFIG.search(self.html)
        if not found or not _AGENT.search(self.html):
            return None
        try:
            options = json.loads(found[1])
            return AgentConfig.from_init(options)
        except (ValueError, KeyError, AttributeError, TypeError):
            return None

    def total(self) -> Total | None:
        """The order's total, on a cart page that holds something."""
        found = _TOTAL.search(self.html)
        script = _TOTAL_SCRIPT.search(self.html)
        if not found or not script:
            return None
        attributes = _attributes(found[0])
        try:
            cart = json.loads(attributes.get("data-cart", ""))
        except ValueError:
            return None
        if not isinstance(cart, dict):
            return None
        return Total(
            text=unescape(found[1]).strip(),
            cart=cart,
            misspelt=attributes.get("data-price-typo") == "true",
            script_url=urljoin(self.url, unescape(script[1])),
        )

    def form(self, form_id: str) -> Form | None:
        """A form by its id, with the values that it was rendered with."""
        for found in _FORM.finditer(self.html):
            parser = _FormParser()
            parser.feed(found[0])
            if parser.id == form_id:
                return Form(parser.id, urljoin(self.url, parser.action), parser.method, parser.fields)
        return None

    @property
    def listens_to_clicks(self) -> bool:
        """Whether the shop's script listens to every click: it does to close an open seat panel."""
        return bool(_SEAT_PANEL.search(self.html))

    @property
    def heading(self) -> str:
        """The text of the first `h1`, or nothing."""
        found = _HEADING.search(self.html)
        return " ".join(unescape(_TAG.sub(" ", found[1])).split()) if found else ""

    @property
    def order_id(self) -> str:
        """The order's id on a confirmation, or nothing."""
        return _text(_ORDER, self.html)

    @property
    def total_paid(self) -> str:
        """What was charged, on a confirmation, or nothing."""
        return _text(_PAID, self.html)

    def products(self) -> list[str]:
        """Ids of the products that the page links to, in order, each once."""
        return list(dict.fromkeys(unescape(each) for each in _PRODUCT.findall(self.html)))


def render(total: Total, script: str) -> Rendered:
    """Do what the page's script does with its total; `script` is its source, for the stack."""
    cart = total.cart
    try:
        lines, nanos = cart["lines"], int(cart["shipping"])
        if total.misspelt:
            logged = ScriptError("String", "Uncaught TypeError: Cannot read property 'Prcie' of undefined")
            message = "Cannot read properties of undefined (reading 'Prcie')"
            error = ScriptError("TypeError", message, _stack(total.script_url, script, message))
            return Rendered(total.text, (logged,), error if lines else None)
        for line in lines:
            nanos += int(cart["products"][line["id"]]["Price"]) * int(line["quantity"])
        cents = f"{nanos // _NANOS_OF_A_CENT:03d}"
        return Rendered(f"{cart['currency']} {cents[:-2]}.{cents[-2:]}")
    except (KeyError, TypeError, ValueError) as error:
        message = f"the cart in the page cannot be read: {error!r}"
        return Rendered(total.text, (), ScriptError("TypeError", message))


def _stack(script_url: str, script: str, message: str) -> str:
    """The three frames of the error, at the lines where the script has them."""
    marks = (
        ("getProductPrice", re.compile(r"\.(Prcie)\b")),
        ("renderFinalPrice", re.compile(r"(?<!function )\b(getProductPrice)\(")),
        ("", re.compile(r"^(renderFinalPrice)\(\)", re.MULTILINE)),
    )
    frames = [f"TypeError: {message}"]
    for function, mark in marks:
        found = mark.search(script)
        if not found:
            return _FALLBACK_STACK.format(message=message, script=script_url)
        before = script[: found.start(1)]
        place = f"{script_url}:{before.count(chr(10)) + 1}:{found.start(1) - before.rfind(chr(10))}"
        frames.append(f"    at {function} ({place})" if function else f"    at {place}")
    return "\n".join(frames)


def _text(pattern: re.Pattern[str], html: str) -> str:
    found = pattern.search(html)
    return unescape(found[1]).strip() if found else ""


def _attributes(tag: str) -> dict[str, str]:
    parser = _TagParser()
    parser.feed(tag)
    return parser.attributes


class _TagParser(HTMLParser):
    """The attributes of the first tag."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self.attributes:
            self.attributes = {name: value or "" for name, value in attrs}


@dataclass(slots=True)
class _Select:
    name: str
    values: list[str] = field(default_factory=list)
    selected: str | None = None


class _FormParser(HTMLParser):
    """A form's fields as a browser would send them."""

    def __init__(self) -> None:
        super().__init__()
        self.id = self.action = ""
        self.method = "get"
        self.fields: dict[str, str] = {}
        self._select: _Select | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.id = values.get("id", "")
            self.action = values.get("action", "")
            self.method = values.get("method", "get").lower()
        elif tag == "input" and values.get("name") and values.get("type") not in ("submit", "button"):
            self.fields[values["name"]] = values.get("value", "")
        elif tag == "select" and values.get("name"):
            self._select = _Select(values["name"])
        elif tag == "option" and self._select:
            self._select.values.append(values.get("value", ""))
            if "selected" in values:
                self._select.selected = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "select" and self._select:
            first = self._select.values[0] if self._select.values else ""
            chosen = self._select.selected
            self.fields[self._select.name] = first if chosen is None else chosen
            self._select = None
