"""The content of each page, from calls to the backends in the order of the original shop.

Returns page models; raises `PageError` or `OrderProblem`. Knows neither HTTP nor
HTML. The order of calls is part of the lesson: traces show it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

import grpc

from frontend import problems
from frontend.backends import Backends
from frontend.decoration import ALLOWANCE_S, Allowance, Decoration
from frontend.visit import OFFERED_CURRENCIES, Visit
from protos import hipstershop_pb2 as pb
from services.common import money
from services.common.clients import code_of, rpc_error_text, tolerating, within
from services.common.errors import InvalidRequest
from services.common.telemetry import Telemetry

PAGE_S = 6.0
"""The calls that a page needs take no longer together, however slow each of them is."""
# Of the time of all decorations: what follows has its share, even when the one before hangs.
_KEPT_S = 0.05
_RECOMMENDED_FETCHED = 5
_RECOMMENDED_SHOWN = 4
_NOT_FOUND = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT)
_MAX_KNOWN_PRODUCTS = 1000
Shown = TypeVar("Shown")


@dataclass(frozen=True, slots=True)
class Product:
    """A product as pages show it; `price` is text such as `USD 67.99`, empty where none is shown."""

    id: str
    name: str
    picture: str
    description: str = ""
    categories: Sequence[str] = ()
    price: str = ""


@dataclass(frozen=True, slots=True)
class Advert:
    """One advert; `href` stays within the shop."""

    href: str
    text: str


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line of a cart or order: `product.price` is for one piece, `cost` for all."""

    product: Product
    quantity: int
    cost: str


@dataclass(frozen=True, slots=True)
class HomePage:
    """The content of the home page."""

    currencies: Sequence[str]
    cart_count: int
    products: Sequence[Product]


@dataclass(frozen=True, slots=True)
class ProductPage:
    """The content of a product's page."""

    currencies: Sequence[str]
    cart_count: int
    product: Product
    ad: Advert | None
    recommended: Sequence[Product]


@dataclass(frozen=True, slots=True)
class CartPage:
    """The content of the cart page.

    `prices` is the input of the script that adds up the total, with amounts in billionths of a unit as
    text: {currency, decimals, shipping, lines: [{id, quantity}], products: {id: {Price}}}.
    """

    currencies: Sequence[str]
    cart_count: int
    lines: Sequence[OrderLine]
    shipping: str
    total: str
    zero: str
    prices: dict[str, Any]
    recommended: Sequence[Product]


@dataclass(frozen=True, slots=True)
class Order:
    """An order that was placed."""

    id: str
    tracking_id: str
    shipping: str
    total: str
    lines: Sequence[OrderLine]


@dataclass(frozen=True, slots=True)
class OrderPage:
    """The content of the order page."""

    currencies: Sequence[str]
    order: Order
    recommended: Sequence[Product]


@contextmanager
def _page_error_on_failure(doing: str, needed: str) -> Iterator[None]:
    try:
        yield
    except grpc.RpcError as error:
        raise problems.backend_failed(doing, error, needed) from error


class Shop:
    """Makes the content of pages; `picture` returns the address of a product's picture."""

    def __init__(
        self, backends: Backends, picture: Callable[[str], str], chance: Random, telemetry: Telemetry
    ) -> None:
        self._backends = backends
        self._picture = picture
        self._chance = chance
        self._log = telemetry.log
        self._ads = Decoration("adservice", telemetry)
        self._recommendations = Decoration("recommendationservice", telemetry)
        self._known: dict[str, Product] = {}

    def home(self, visit: Visit) -> HomePage:
        """All products with their prices in the visitor's currency."""
        with within(PAGE_S):
            currencies = self._currencies()
            with _page_error_on_failure("could not retrieve products", problems.CATALOGUE):
                listed = self._backends.catalog.ListProducts(pb.Empty()).products
            count = _count(self._cart_items(visit))
            products = [
                self._product(product, self._converted(product.price_usd, visit)) for product in listed
            ]
        self._advert((), Allowance())
        return HomePage(currencies, count, products)

    def product(self, visit: Visit, product_id: str) -> ProductPage:
        """One product, an advert and recommendations."""
        with within(PAGE_S):
            product = self._get_product(product_id)
            currencies = self._currencies()
            count = _count(self._cart_items(visit))
            shown = self._product(product, self._converted(product.price_usd, visit))
        allowance = Allowance()
        recommended = self._recommended(visit, [product_id], allowance, _KEPT_S)
        advert = self._advert(product.categories, allowance)
        return ProductPage(currencies, count, shown, advert, recommended)

    def cart(self, visit: Visit) -> CartPage:
        """The cart's lines, shipping and total."""
        with within(PAGE_S):
            currencies = self._currencies()
            items = self._cart_items(visit)
        recommended = self._recommended(visit, [item.product_id for item in items], Allowance())
        with within(PAGE_S):
            shipping = self._shipping(items, visit)
            lines = []
            prices = []
            total_nanos = money.nanos_of(shipping)
            for item in items:
                product = self._get_product(item.product_id)
                price = self._converted(product.price_usd, visit)
                cost = money.times(price, item.quantity)
                total_nanos += money.nanos_of(cost)
                prices.append((item, money.nanos_of(price)))
                lines.append(OrderLine(self._product(product, price), item.quantity, money.shown(cost)))
        return CartPage(
            currencies=currencies,
            cart_count=_count(items),
            lines=lines,
            shipping=money.shown(shipping),
            total=money.shown(money.from_nanos(visit.currency, total_nanos)),
            zero=money.shown(pb.Money(currency_code=visit.currency)),
            prices={
                "currency": visit.currency,
                "decimals": money.decimals(visit.currency),
                "shipping": str(money.nanos_of(shipping)),
                "lines": [{"id": item.product_id, "quantity": item.quantity} for item, _ in prices],
                "products": {item.product_id: {"Price": str(nanos)} for item, nanos in prices},
            },
            recommended=recommended,
        )

    def _shipping(self, items: Sequence[pb.CartItem], visit: Visit) -> pb.Money:
        with _page_error_on_failure("failed to get the shipping quote", problems.SHIPPING):
            request = pb.GetQuoteRequest(address=pb.Address(), items=items)
            quote = self._backends.shipping.GetQuote(request).cost_usd
        return self._converted(quote, visit)

    def add(self, visit: Visit, item: pb.CartItem) -> None:
        """Add an item to the cart; the product must exist."""
        self._get_product(item.product_id)
        request = pb.AddItemRequest(user_id=visit.session_id, item=item)
        try:
            with tolerating(*problems.CORRECTABLE):
                self._backends.cart.AddItem(request)
        except grpc.RpcError as error:
            if code_of(error) in problems.CORRECTABLE:
                raise problems.does_not_fit() from error
            raise problems.backend_failed("failed to add to the cart", error, problems.CART) from error

    def empty(self, visit: Visit) -> None:
        """Empty the cart."""
        with _page_error_on_failure("failed to empty the cart", problems.CART):
            self._backends.cart.EmptyCart(pb.EmptyCartRequest(user_id=visit.session_id))

    def place_order(self, request: pb.PlaceOrderRequest) -> pb.OrderResult:
        """Place the order.

        Raises:
            OrderProblem: the customer can correct it.
            PageError: the cart is empty, or the shop failed.
        """
        try:
            # An order that the customer can correct is not an error of the shop.
            with tolerating(*problems.CORRECTABLE):
                response: pb.PlaceOrderResponse = self._backends.checkout.PlaceOrder(request)
        except grpc.RpcError as error:
            raise problems.order_failed(error) from error
        return response.order

    def order(self, visit: Visit, result: pb.OrderResult) -> OrderPage:
        """The page of an order that was placed. It is shown even when all else on it fails."""
        allowance = Allowance()
        recommended = self._recommended(visit, (), allowance, _KEPT_S)
        currencies = self._or_nothing(self._currencies, allowance)
        total_nanos = money.nanos_of(result.shipping_cost)
        lines = []
        for ordered in result.items:
            cost = money.times(ordered.cost, ordered.item.quantity)
            total_nanos += money.nanos_of(cost)
            lines.append(
                OrderLine(
                    self._ordered_product(ordered.item.product_id, ordered.cost),
                    ordered.item.quantity,
                    money.shown(cost),
                )
            )
        return OrderPage(
            currencies=currencies,
            order=Order(
                id=result.order_id,
                tracking_id=result.shipping_tracking_id,
                shipping=money.shown(result.shipping_cost),
                total=money.shown(money.from_nanos(result.shipping_cost.currency_code, total_nanos)),
                lines=lines,
            ),
            recommended=recommended,
        )

    def _or_nothing(self, load: Callable[[], Sequence[Shown]], allowance: Allowance) -> Sequence[Shown]:
        try:
            with allowance.spend():
                return load()
        except problems.PageError as error:
            self._log.warning("A part of the order's page could not be loaded", error=error.cause)
            return ()

    def _currencies(self) -> Sequence[str]:
        with _page_error_on_failure("could not retrieve currencies", problems.CURRENCIES):
            codes = self._backends.currency.GetSupportedCurrencies(pb.Empty()).currency_codes
        return [code for code in codes if code in OFFERED_CURRENCIES]

    def _cart_items(self, visit: Visit) -> Sequence[pb.CartItem]:
        with _page_error_on_failure("could not retrieve the cart", problems.CART):
            items: Sequence[pb.CartItem] = self._backends.cart.GetCart(
                pb.GetCartRequest(user_id=visit.session_id)
            ).items
        return items

    def _get_product(self, product_id: str) -> pb.Product:
        try:
            with tolerating(*_NOT_FOUND):
                product: pb.Product = self._backends.catalog.GetProduct(pb.GetProductRequest(id=product_id))
        except grpc.RpcError as error:
            if code_of(error) in _NOT_FOUND:
                raise problems.no_such_product() from error
            raise problems.backend_failed(
                "could not retrieve the product", error, problems.CATALOGUE
            ) from error
        return product

    def _converted(self, amount: pb.Money, visit: Visit) -> pb.Money:
        request = pb.CurrencyConversionRequest(to_code=visit.currency)
        getattr(request, "from").CopyFrom(amount)
        with _page_error_on_failure("failed to convert the currency", problems.CURRENCIES):
            converted: pb.Money = self._backends.currency.Convert(request)
        try:
            money.nanos_of(converted)
        except InvalidRequest as error:
            raise problems.backend_broken(
                "failed to convert the currency", str(error), problems.CURRENCIES
            ) from error
        return converted

    def _recommended(
        self, visit: Visit, product_ids: Sequence[str], allowance: Allowance, keep_s: float = 0.0
    ) -> Sequence[Product]:
        """Products to suggest; none when they do not arrive in time."""

        def ask() -> Sequence[str]:
            request = pb.ListRecommendationsRequest(user_id=visit.session_id, product_ids=product_ids)
            ids: Sequence[str] = self._backends.recommendation.ListRecommendations(request).product_ids
            return ids

        nothing: Sequence[str] = ()
        ids = self._recommendations.load(ask, nothing, allowance, keep_s)
        found: list[Product] = []
        try:
            with within(ALLOWANCE_S):
                for product_id in ids[:_RECOMMENDED_FETCHED]:
                    found += self._suggested(product_id)
        except grpc.RpcError as error:
            self._log.warning("A page goes without some suggestions", error=rpc_error_text(error))
        return found[:_RECOMMENDED_SHOWN]

    def _suggested(self, product_id: str) -> Sequence[Product]:
        """One product; none when the catalogue does not know it. Raises grpc.RpcError."""
        try:
            with tolerating(*_NOT_FOUND):
                product = self._backends.catalog.GetProduct(pb.GetProductRequest(id=product_id))
        except grpc.RpcError as error:
            if code_of(error) in _NOT_FOUND:
                return ()
            raise
        return (self._product(product),)

    def _advert(self, categories: Sequence[str], allowance: Allowance) -> Advert | None:
        """One advert for the categories; None when none arrives in time."""

        def ask() -> Sequence[pb.Ad]:
            ads: Sequence[pb.Ad] = self._backends.ads.GetAds(pb.AdRequest(context_keys=categories)).ads
            return ads

        nothing: Sequence[pb.Ad] = ()
        ads = self._ads.load(ask, nothing, allowance)
        if not ads:
            return None
        chosen = self._chance.choice(ads)
        within_the_shop = chosen.redirect_url.startswith("/") and not chosen.redirect_url.startswith(
            ("//", "/\\")
        )
        return Advert(chosen.redirect_url if within_the_shop else "/", chosen.text)

    def _product(self, product: pb.Product, price: pb.Money | None = None) -> Product:
        shown = Product(
            id=product.id,
            name=product.name,
            picture=self._picture(product.picture),
            description=product.description,
            categories=tuple(product.categories),
            price=money.shown(price) if price is not None else "",
        )
        if len(self._known) < _MAX_KNOWN_PRODUCTS or product.id in self._known:
            self._known[product.id] = shown
        return shown

    def _ordered_product(self, product_id: str, price: pb.Money) -> Product:
        """A product of an order, without a call: this process rendered its page before it was ordered."""
        known = self._known.get(product_id)
        name, picture = (known.name, known.picture) if known else (product_id, self._picture(""))
        return Product(product_id, name, picture, price=money.shown(price))


def _count(items: Sequence[pb.CartItem]) -> int:
    return sum(item.quantity for item in items)
