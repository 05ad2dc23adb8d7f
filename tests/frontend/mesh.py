"""The real backends and the storefront in one process, and a receiver of beacons, on free ports.

Nothing is faked: gRPC and HTTP are real, spans and log records end in memory.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from flask import Flask
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from frontend.app import create_app
from frontend.backends import connect
from frontend.relay import Relay
from frontend.server import FLAGS
from frontend.settings import Settings
from runtime.settings import load
from runtime.wsgi import Limits, WsgiServer
from services.ad import server as ad
from services.buttercup import server as buttercup
from services.cart import server as cart
from services.catalog import server as catalog
from services.checkout import server as checkout
from services.common.flags import Flags
from services.common.server import Running, start
from services.common.telemetry import Identity, Telemetry, build
from services.currency import server as currency
from services.email import server as email
from services.payment import server as payment
from services.recommendation import server as recommendation
from services.shipping import server as shipping

# In the order in which they can be started: whoever is called comes first.
BACKENDS = (catalog, currency, cart, shipping, email, ad, recommendation, payment, checkout)
ADDRESS_VARIABLES = {
    "productcatalogservice": "PRODUCT_CATALOG_SERVICE_ADDR",
    "currencyservice": "CURRENCY_SERVICE_ADDR",
    "cartservice": "CART_SERVICE_ADDR",
    "shippingservice": "SHIPPING_SERVICE_ADDR",
    "emailservice": "EMAIL_SERVICE_ADDR",
    "adservice": "AD_SERVICE_ADDR",
    "recommendationservice": "RECOMMENDATION_SERVICE_ADDR",
    "paymentservice": "PAYMENT_SERVICE_ADDR",
    "checkoutservice": "CHECKOUT_SERVICE_ADDR",
}


@dataclass
class Beacons:
    """Every span of every Zipkin beacon that arrived."""

    url: str = ""
    spans: list[dict[str, Any]] = field(default_factory=list)

    def named(self, name: str, **tags: str) -> list[dict[str, Any]]:
        """The spans of a name whose tags hold `tags` (`__` stands for a dot)."""
        wanted = {key.replace("__", "."): value for key, value in tags.items()}
        return [
            span
            for span in list(self.spans)
            if span["name"].lower() == name.lower() and wanted.items() <= span.get("tags", {}).items()
        ]


@contextmanager
def beacon_receiver() -> Iterator[Beacons]:
    """A stand-in for the collector's `/v1/rum`."""
    beacons = Beacons()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            beacons.spans.extend(json.loads(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    beacons.url = f"http://127.0.0.1:{server.server_address[1]}/v1/rum"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield beacons
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """A Flask application on a free port; its base URL."""
    server = WsgiServer(app, "127.0.0.1", 0, Limits(threads=8))
    server.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.stop()


@dataclass
class Mesh:
    """A running shop: where it is, what it was made from, what it recorded."""

    url: str
    telemetry: Mapping[str, Telemetry]
    spans: InMemorySpanExporter
    beacons: Beacons
    flags_file: Path
    addresses: Mapping[str, str]
    running: Mapping[str, Running]
    flags: Flags

    def set_flags(self, **values: Any) -> None:
        """Write the flags file; flags that are not named are off."""
        fresh = self.flags_file.with_suffix(".new")
        fresh.write_text(flags_json(values))
        fresh.replace(self.flags_file)

    def trace(self, trace_id: str) -> list[ReadableSpan]:
        """The spans of a trace so far."""
        return [
            span for span in self.spans.get_finished_spans() if f"{span.context.trace_id:032x}" == trace_id
        ]


def flags_json(values: Mapping[str, Any]) -> str:
    """A flagd file in which each flag has one value for everybody."""
    return json.dumps(
        {
            "flags": {
                key: {"state": "ENABLED", "variants": {"set": value}, "defaultVariant": "set"}
                for key, value in values.items()
            }
        }
    )


@contextmanager
def shop(folder: Path, web_dir: Path, **settings: str) -> Iterator[Mesh]:
    """The whole shop; further `settings` are the storefront's environment variables."""
    flags_file = folder / "flags.json"
    flags_file.write_text(flags_json({}))
    common = {"HIPSTERLAB_FLAGS_FILE": str(flags_file), "HIPSTERLAB_SEED": "7"}
    spans = InMemorySpanExporter()
    telemetry: dict[str, Telemetry] = {}
    addresses: dict[str, str] = {}
    running: dict[str, Running] = {}

    def recorded(service: str) -> Telemetry:
        stream = ends.enter_context((folder / f"{service}.log").open("w"))
        telemetry[service] = build(
            Identity(service), span_processors=[SimpleSpanProcessor(spans)], stream=stream
        )
        return telemetry[service]

    with ExitStack() as ends:
        beacons = ends.enter_context(beacon_receiver())
        provider_flags = Flags(None, recorded("buttercup").log)
        provider_settings = load(buttercup.Settings, common)
        common["BUTTERCUP_URL"] = ends.enter_context(
            serving(buttercup.make_app(provider_settings, provider_flags))
        )
        for module in BACKENDS:
            backend: Any = module.BACKEND
            environ = {**common, **addresses, "CART_DB": str(folder / "carts.sqlite3")}
            started = start(backend, load(backend.settings, environ), recorded(backend.service))
            ends.callback(started.stop, 0.1)
            running[backend.service] = started
            addresses[ADDRESS_VARIABLES[backend.service]] = f"127.0.0.1:{started.port}"
        environ = {
            **common,
            **addresses,
            "HIPSTERLAB_WEB_DIR": str(web_dir),
            "RUM_BEACON_URL": beacons.url,
            **settings,
        }
        front = load(Settings, environ)
        mine = recorded("frontend")
        flags = Flags(flags_file, mine.log, FLAGS)
        ends.callback(flags.close)
        backends = connect(front, mine)
        ends.callback(backends.close)
        app = create_app(front, mine, backends, flags, Relay(front.rum_beacon_url, mine.log))
        url = ends.enter_context(serving(app))
        yield Mesh(url, telemetry, spans, beacons, flags_file, addresses, running, flags)
