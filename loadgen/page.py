"""The parts of the shop's pages that a visitor sees or a browser runs: agent, total, forms, headings.

Pure parsing of HTML, and the effect of the cart page's script. Does not know how a page is fetched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser, LexborNode

from loadgen.agent import AgentConfig, ScriptError

_PRODUCT_PATH = "/product/"
_PRODUCT_ID = re.compile(r"[^/?#]+")
_FALLBACK_STACK = "TypeError: {message}\n    at getProductPrice ({script})"
_NANOS_OF_A_UNIT = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it would be sent untouched."""

    id: str
    action: str
    method: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Total:
    """The cart page's total: the text in the page, and the cart that its script adds up."""

    text: str
    cart: Mapping[str, Any]
    misspelt: bool
    """Whether the page is of the release whose script reads a property that does not exist."""
    script_url: str


@dataclass(frozen=True, slots=True)
class VendorScript:
    """A vendor's script in the page: for how many ms it blocks the page when it loads and at each click."""

    url: str
    load_ms: int
    click_ms: int


@dataclass(frozen=True, slots=True)
class Rendered:
    """The effect of the total's script: the text shown, what it logs and throws."""

    shown: str
    logged: tuple[ScriptError, ...] = ()
    thrown: ScriptError | None = None


class Page:
    """One HTML document.

    `agent_config` is None where the page has no agent or no usable options for it, `total` is None on
    any page but a cart that holds something, `vendor` where no vendor's script is in it. `heading` is
    the text of the first `h1`; `order_id` and `total_paid` are those of a confirmation.
    `listens_to_clicks` states whether a script handles every click: the shop's does to close an open
    seat panel, a vendor's to record it.
    """

    def __init__(self, url: str, html: str) -> None:
        self.url = url
        self._html = html
        # Read at once, and not kept: a parsed page takes some 250 kB, and a load has many users.
        tree = LexborHTMLParser(html)
        self.agent_config = _agent_config(tree)
        self.total = _total(tree, url)
        self.heading = " ".join(_text(tree, "h1").split())
        self.order_id = _text(tree, "#order-id").strip()
        self.total_paid = _text(tree, "#total-paid").strip()
        self.vendor = _vendor(tree, url)
        self.listens_to_clicks = tree.css_first("details.seat") is not None or self.vendor is not None

    def form(self, form_id: str) -> Form | None:
        """A form by its id, with the values that it was rendered with."""
        forms = LexborHTMLParser(self._html).css("form[id]")
        form = next((each for each in forms if each.id == form_id), None)
        if form is None:
            return None
        return Form(
            id=form_id,
            action=urljoin(self.url, form.attributes.get("action") or ""),
            method=(form.attributes.get("method") or "get").lower(),
            fields=dict(filter(None, map(_field, form.css("input[name], select[name]")))),
        )

    def products(self) -> list[str]:
        """Ids of the products that the page links to, in order, each once."""
        links = LexborHTMLParser(self._html).css(f'[href^="{_PRODUCT_PATH}"]')
        found = [_PRODUCT_ID.match(each.attributes["href"] or "", len(_PRODUCT_PATH)) for each in links]
        return list(dict.fromkeys(match[0] for match in found if match))


def _agent_config(tree: LexborHTMLParser) -> AgentConfig | None:
    options = tree.css_first("script#rum-config")
    if options is None or tree.css_first('script[src*="splunk-otel-web"]') is None:
        return None
    try:
        return AgentConfig.from_init(json.loads(options.text()))
    except (ValueError, KeyError, AttributeError, TypeError):
        return None


def _total(tree: LexborHTMLParser, url: str) -> Total | None:
    output = tree.css_first("output#order-total")
    script = tree.css_first('script[src*="cart-total"]')
    if output is None or script is None:
        return None
    try:
        cart = json.loads(output.attributes.get("data-cart") or "")
    except ValueError:
        return None
    if not isinstance(cart, dict):
        return None
    return Total(
        text=output.text().strip(),
        cart=cart,
        misspelt=output.attributes.get("data-price-typo") == "true",
        script_url=urljoin(url, script.attributes["src"]),
    )


def _vendor(tree: LexborHTMLParser, url: str) -> VendorScript | None:
    script = tree.css_first("script#vendor-clickmap[src]")
    if script is None:
        return None
    blocks = [script.attributes.get(name) or "" for name in ("data-load-ms", "data-click-ms")]
    load_ms, click_ms = (int(block) if block.isascii() and block.isdigit() else 0 for block in blocks)
    return VendorScript(urljoin(url, script.attributes["src"]), load_ms, click_ms)


def _text(tree: LexborHTMLParser, selector: str) -> str:
    """The text of the first element that matches, a blank between its parts."""
    node = tree.css_first(selector)
    return node.text(separator=" ") if node is not None else ""


def _field(node: LexborNode) -> tuple[str, str] | None:
    """Name and value of a form field as a browser sends them; None for a field that it does not send."""
    attributes = node.attributes
    name = attributes["name"]
    if not name or attributes.get("type") in ("submit", "button"):
        return None
    if node.tag == "input":
        return name, attributes.get("value") or ""
    options = node.css("option")
    selected = [each for each in options if "selected" in each.attributes]
    chosen = [*selected[-1:], *options[:1]]
    return name, (chosen[0].attributes.get("value") or "") if chosen else ""


def render(total: Total, script: str) -> Rendered:
    """The effect of the page's script on its total; `script` is its source, for the stack."""
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
        units, rest = divmod(nanos, _NANOS_OF_A_UNIT)
        fraction = f"{rest:09d}"[: int(cart["decimals"])]
        return Rendered(f"{cart['currency']} {units}" + (f".{fraction}" if fraction else ""))
    except (KeyError, TypeError, ValueError) as error:
        message = f"the cart in the page cannot be read: {error!r}"
        return Rendered(total.text, (), ScriptError("TypeError", message))


def _stack(script_url: str, script: str, message: str) -> str:
    """The three frames of the error, at the lines where the script has them."""
    patterns = (
        ("getProductPrice", re.compile(r"\.(Prcie)\b")),
        ("renderFinalPrice", re.compile(r"(?<!function )\b(getProductPrice)\(")),
        ("", re.compile(r"^(renderFinalPrice)\(\)", re.MULTILINE)),
    )
    frames = [f"TypeError: {message}"]
    for function, pattern in patterns:
        found = pattern.search(script)
        if not found:
            return _FALLBACK_STACK.format(message=message, script=script_url)
        before = script[: found.start(1)]
        place = f"{script_url}:{before.count(chr(10)) + 1}:{found.start(1) - before.rfind(chr(10))}"
        frames.append(f"    at {function} ({place})" if function else f"    at {place}")
    return "\n".join(frames)
