"""The table of the lab's processes: each one's module, ports, readiness check, and the addresses it needs.

Knows names, modules, environment variables and addresses; knows nothing of how
a service works inside. A test compares `docker-compose.yml` with this table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

GRPC = "grpc"
HTTP = "http"


@dataclass(frozen=True, slots=True)
class Port:
    """A port that a process listens on.

    `variable` is the environment variable with its number, `fixed` the number used by default (None:
    any free one), `public` whether it follows `--host` (else loopback), `label` its name in messages,
    and `option` its name in `up --port NAME=NUMBER` (empty: it has none).
    """

    name: str
    variable: str
    fixed: int | None = None
    public: bool = False
    label: str = ""
    option: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """One process of the lab.

    `calls` maps an environment variable to the port (`service` or `service:port`) whose address
    it gets, as a format with `{host}` and `{port}`. `ready` is `grpc` or an HTTP path, requested from
    the first port. `after` names the processes that must be ready before this one starts.
    `fresh` means an interpreter of its own (never forked). `contained` is false for a process that
    acts on the lab itself and has no place in a container.
    """

    name: str
    module: str
    ports: tuple[Port, ...]
    ready: str
    calls: dict[str, tuple[str, str]] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    fresh: bool = False
    contained: bool = True
    purpose: str = ""

    @property
    def ready_kind(self) -> str:
        """`grpc` or `http`."""
        return GRPC if self.ready == GRPC else HTTP


ADDRESS = "{host}:{port}"
URL = "http://{host}:{port}"


def _backend(name: str, folder: str, purpose: str, **calls: str) -> Service:
    wired = {variable: (target, ADDRESS) for variable, target in calls.items()}
    return Service(name, f"services.{folder}", (Port("grpc", "PORT"),), GRPC, wired, purpose=purpose)


_EVERY_BACKEND = {
    "PRODUCT_CATALOG_SERVICE_ADDR": ("productcatalogservice", ADDRESS),
    "CURRENCY_SERVICE_ADDR": ("currencyservice", ADDRESS),
    "CART_SERVICE_ADDR": ("cartservice", ADDRESS),
    "RECOMMENDATION_SERVICE_ADDR": ("recommendationservice", ADDRESS),
    "SHIPPING_SERVICE_ADDR": ("shippingservice", ADDRESS),
    "CHECKOUT_SERVICE_ADDR": ("checkoutservice", ADDRESS),
    "AD_SERVICE_ADDR": ("adservice", ADDRESS),
    "EMAIL_SERVICE_ADDR": ("emailservice", ADDRESS),
    "PAYMENT_SERVICE_ADDR": ("paymentservice", ADDRESS),
}

SERVICES: tuple[Service, ...] = (
    Service(
        "collector",
        "collector",
        (
            Port("http", "OTLP_HTTP_PORT", 4318, public=True, label="OTLP over HTTP", option="otlp-http"),
            Port("grpc", "OTLP_GRPC_PORT", 4317, public=True, label="OTLP over gRPC", option="otlp-grpc"),
        ),
        "/healthz",
        purpose="receives OTLP and RUM beacons and commits them to the store",
    ),
    Service(
        "observer",
        "observer",
        (Port("http", "PORT", 8090, public=True, label="the observer", option="observer"),),
        "/healthz",
        {
            "SHOP_URL": ("frontend", URL),
            "OTLP_HTTP_URL": ("collector:http", URL),
            "COLLECTOR_URL": ("collector:http", URL),
            "OTLP_GRPC_ADDR": ("collector:grpc", ADDRESS),
            "CONTROL_URL": ("control", URL),
        },
        purpose="the screens and the JSON API over the store",
    ),
    Service(
        "alerting",
        "alerting",
        (Port("http", "PORT"),),
        "/healthz",
        {"OBSERVER_URL": ("observer", URL)},
        purpose="evaluates rules over the store, keeps alerts and sends them",
    ),
    Service(
        "frontend",
        "frontend",
        (Port("http", "PORT", 8080, public=True, label="the shop", option="shop"),),
        "/_healthz",
        {
            variable: target
            for variable, target in _EVERY_BACKEND.items()
            if target[0] not in ("emailservice", "paymentservice")
        }
        | {"RUM_BEACON_URL": ("collector:http", URL + "/v1/rum"), "OBSERVER_URL": ("observer", URL)},
        purpose="the storefront: pages, forms and the RUM agent",
    ),
    Service(
        "checkoutservice",
        "services.checkout",
        (Port("grpc", "PORT"),),
        GRPC,
        {
            variable: target
            for variable, target in _EVERY_BACKEND.items()
            if target[0]
            in (
                "productcatalogservice",
                "currencyservice",
                "cartservice",
                "shippingservice",
                "emailservice",
                "paymentservice",
            )
        },
        purpose="turns a cart into an order",
    ),
    Service(
        "paymentservice",
        "services.payment",
        (Port("grpc", "PORT"),),
        GRPC,
        {"BUTTERCUP_URL": ("buttercup", URL)},
        purpose="charges cards at the payment provider",
    ),
    _backend("cartservice", "cart", "keeps the carts"),
    _backend("productcatalogservice", "catalog", "the nine products"),
    _backend("currencyservice", "currency", "converts money exactly"),
    _backend("shippingservice", "shipping", "quotes and ships"),
    _backend("emailservice", "email", "writes the confirmation"),
    _backend(
        "recommendationservice",
        "recommendation",
        "suggests other products",
        PRODUCT_CATALOG_SERVICE_ADDR="productcatalogservice",
    ),
    _backend("adservice", "ad", "shows an advertisement"),
    Service(
        "buttercup",
        "services.buttercup",
        (Port("http", "PORT"),),
        "/_healthz",
        purpose="the outside payment provider; exports no telemetry",
    ),
    Service(
        "control",
        "lab.control",
        (Port("http", "PORT"),),
        "/healthz",
        contained=False,
        purpose="changes the running lab for the desk and the command line",
    ),
    Service(
        "loadgen",
        "loadgen",
        # On loopback whatever --host says: its page has neither password nor ceiling.
        (Port("http", "PORT", 8089, label="Locust's web page", option="locust"),),
        "/",
        {"SHOP_URL": ("frontend", URL)},
        after=("frontend",),
        fresh=True,
        purpose="simulated users: Locust over HTTP, declared as synthetic",
    ),
)

BY_NAME = {service.name: service for service in SERVICES}

# Imported once before forking, so that every process shares their memory and none waits for them. None of
# them may start a thread, open a gRPC object or read the environment when imported.
PRELOAD = (
    *(f"{service.module}.server" for service in SERVICES if not service.fresh),
    # Imported by some of them only when they start.
    "waitress.server",
    "grpc._server",
    "grpc._channel",
    "grpc.experimental",
    "store.sqlite.read.reader",
    "store.sqlite.write.settler_process",
    "store.sqlite.write.writer",
    "alerting.delivery",
    "alerting.evaluator",
    "alerting.senders",
    "services.cart.sqlite_carts",
    "loadgen.student",
    "lab.supervision.health_check",
    "lab.run.readiness_proof",
)

# A quarter of all imports, which one process needs alone: it imports them while the others start.
OF_ONE_PROCESS = ("observer.app",)


def ports() -> Iterator[tuple[Service, Port]]:
    """Every port of every process."""
    for service in SERVICES:
        for port in service.ports:
            yield service, port


def port(key: str) -> Port:
    """The port with this name in an address book."""
    name, _, port_name = key.partition(":")
    return next(port for port in BY_NAME[name].ports if port.name == port_name)


def port_options() -> dict[str, str]:
    """The names that `up --port` accepts -> the port's name in an address book."""
    return {port.option: port_key(service.name, port.name) for service, port in ports() if port.option}


def port_key(service: str, port: str) -> str:
    """The name of a port in an address book: `collector:http`."""
    return f"{service}:{port}"


def target_key(target: str) -> str:
    """The address-book name of a `calls` target; a bare service means its first port."""
    name, _, port = target.partition(":")
    return port_key(name, port or BY_NAME[name].ports[0].name)
