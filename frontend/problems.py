"""Error pages: status, message, next step.

The one place that maps failed calls to responses. A page shows the cause as the
chain of gRPC messages, never a stack trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType

import grpc

from services.common.clients import code_of, rpc_error_text

UH_OH = "Uh, oh!"
PLACING = "failed to complete the order"
NOT_CHARGED = "Your cart is as you left it, and nothing was charged."
UNCERTAIN = "Please look into your cart before you try again: if it is empty, the order went through."
NOTHING_LOST = "Nothing of yours was lost. Please try again in a moment."
# What checkoutservice says of its steps: up to the charge nothing was taken, and after it nobody knows here.
_CHARGE_FAILED = "failed to charge card"
_STEPS_BEFORE = {
    "cart failure": "the cart",
    "failed to prepare order": "the catalogue of products or the exchange of currencies",
    "shipping quote failure": "the shipping office",
    "failed to convert shipping cost": "the exchange of currencies",
    _CHARGE_FAILED: "the payment",
}
_STEPS = _STEPS_BEFORE | {"shipping error": "the shipping office"}
CATALOGUE = "the catalogue of products"
CURRENCIES = "the exchange of currencies"
CART = "the cart"
SHIPPING = "the shipping office"
CHECKOUT = "the checkout"
"""What a page needs, in plain words."""
_HOW = {
    grpc.StatusCode.DEADLINE_EXCEEDED: "did not answer in time",
    grpc.StatusCode.UNAVAILABLE: "could not be reached",
}
_HOW_BEHIND = {
    "code = DeadlineExceeded": "did not answer in time",
    "code = Unavailable": "could not be reached",
}
_ANSWERED_BADLY = "answered with an error"
CORRECTABLE = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION)


@dataclass(frozen=True, slots=True)
class Action:
    """A link of an error page to what can be done next."""

    label: str
    href: str


BROWSE = Action("Browse the shop", "/")
TO_CART = Action("Back to your cart", "/cart")


class PageError(Exception):
    """An error with a page of its own: `title` and `lead` for everyone, `cause` technical or empty."""

    def __init__(
        self,
        status: HTTPStatus,
        title: str,
        lead: str,
        *,
        cause: str = "",
        reassurance: str = "",
        actions: tuple[Action, ...] = (BROWSE,),
    ) -> None:
        super().__init__(cause or lead)
        self.status = status
        self.title = title
        self.lead = lead
        self.cause = cause
        self.reassurance = reassurance
        self.actions = actions

    def with_action(self, label: str, href: str) -> PageError:
        """This error, with one more link before the others; unchanged where `href` is empty."""
        if href:
            self.actions = (Action(label, href), *self.actions)
        return self

    @property
    def status_line(self) -> str:
        """`500 Internal Server Error`."""
        return f"{self.status.value} {self.status.phrase}"

    @property
    def is_ours(self) -> bool:
        """Whether the shop failed, and not the customer's request."""
        return self.status >= HTTPStatus.INTERNAL_SERVER_ERROR


class OrderProblem(Exception):
    """An order that the customer can correct: `fields` has a sentence for each wrong field."""

    def __init__(self, summary: str, fields: Mapping[str, str] = MappingProxyType({})) -> None:
        super().__init__(summary)
        self.summary = summary
        self.fields = fields


def no_such_product() -> PageError:
    """The error for a product that the catalogue does not have."""
    return PageError(
        HTTPStatus.NOT_FOUND,
        "We do not sell that",
        "There is no such product in the shop. Perhaps there was once.",
    )


def bad_request(title: str, lead: str, *actions: Action) -> PageError:
    """The error for a malformed request."""
    return PageError(HTTPStatus.BAD_REQUEST, title, lead, actions=actions or (BROWSE,))


def forbidden(title: str, lead: str) -> PageError:
    """The error for what this visitor may not have."""
    return PageError(HTTPStatus.FORBIDDEN, title, lead)


def seat_freed(name: str) -> PageError:
    """The error for a visitor whose seat was freed."""
    return PageError(
        HTTPStatus.FORBIDDEN,
        f"You no longer have the seat {name}",
        "It was freed, or it left the class, and has another link and another code now. If it was yours, ask "
        "your instructor for them. Or join with the code of the class and take a free seat.",
        actions=(Action("Go on without a seat", "/logout"),),
    )


def join_first() -> PageError:
    """The error for an order of nobody, in a class."""
    return PageError(
        HTTPStatus.FORBIDDEN,
        "Join first",
        "You have no seat in this class, so this order would be nobody's. Open your own link, or join by a "
        "code; your cart is as you left it.",
        actions=(TO_CART,),
    )


def unprocessable(title: str, lead: str, *actions: Action) -> PageError:
    """The error for a well-formed request for something that does not exist."""
    return PageError(HTTPStatus.UNPROCESSABLE_ENTITY, title, lead, actions=actions or (BROWSE,))


def does_not_fit() -> PageError:
    """The error for a product or quantity that the cart refused."""
    return unprocessable(
        "That does not fit into the cart", "The cart cannot take that many of this product.", TO_CART, BROWSE
    )


def backend_failed(doing: str, error: grpc.RpcError, needed: str) -> PageError:
    """The error for a failed call; `doing` is what failed, such as `could not retrieve the cart`.

    `needed` says in plain words what was asked.
    """
    return backend_broken(doing, rpc_error_text(error), needed, _HOW.get(code_of(error), _ANSWERED_BADLY))


def backend_broken(doing: str, why: str, needed: str, how: str = _ANSWERED_BADLY) -> PageError:
    """The error for a response that cannot be used; `why` is one line."""
    ordering = doing == PLACING
    reassurance = NOTHING_LOST
    if ordering:
        reassurance = NOT_CHARGED if any(step in why for step in _STEPS_BEFORE) else UNCERTAIN
    return PageError(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        UH_OH,
        f"Something has failed: {needed} {how}. Below is what we know about it.",
        cause=f"{doing}: {why}",
        reassurance=reassurance,
        actions=(TO_CART, BROWSE) if ordering else (BROWSE,),
    )


def order_failed(error: grpc.RpcError) -> PageError | OrderProblem:
    """The error for an order that checkoutservice did not accept."""
    if code_of(error) not in CORRECTABLE:
        return _step_failed(error)
    message = rpc_error_text(error).lower()
    if "cart" in message and "empty" in message:
        return unprocessable(
            "Your cart is empty", "There is nothing to order yet. Put something in the cart first."
        )
    if "expired" in message:
        return OrderProblem(
            "The card has expired, so nothing was charged.",
            {"credit_card_expiration_year": "This date has passed."},
        )
    if "only visa or mastercard" in message:
        return OrderProblem(
            "The card was not accepted, and nothing was charged.",
            {"credit_card_number": "Only VISA and MasterCard are accepted."},
        )
    if "card" in message:
        return OrderProblem(
            "The card was not accepted, and nothing was charged.",
            {"credit_card_number": "This is not a valid card number. Please check the digits."},
        )
    return OrderProblem("The shop cannot take this order as it is. Please check every field.")


def _step_failed(error: grpc.RpcError) -> PageError:
    """The error for an order of which a step failed, or checkoutservice itself."""
    why = rpc_error_text(error)
    for step, needed in _STEPS.items():
        if step in why:
            inner = why.partition(step)[2]
            how = next((words for code, words in _HOW_BEHIND.items() if code in inner), _ANSWERED_BADLY)
            return backend_broken(PLACING, why, needed, how)
    return backend_failed(PLACING, error, CHECKOUT)


_OF_HTTP = {
    404: ("This page is not in the shop", "Perhaps the address was mistyped, or the page has moved on."),
    405: ("This page works differently", "The address exists, but not for what was asked of it."),
    413: ("That was too much", "What was sent is far larger than any form of the shop."),
}


def of_http(code: int) -> PageError:
    """The error page of an HTTP status."""
    status = HTTPStatus(code)
    if code >= 500:
        return PageError(status, UH_OH, "Something has failed on our side. Please try again in a moment.")
    title, lead = _OF_HTTP.get(code, ("That did not work", "The shop could not make sense of the request."))
    return PageError(status, title, lead)
