"""ButtercupPayments: a payment provider over plain HTTP.

Another company: it knows nothing of the shop, takes no part in its traces and exports no telemetry.
`POST /charge` answers 200 with a transaction id, 401 to a token that is not its customer's, 400 to a
malformed body; `GET /_healthz` answers `ok`, `GET /_flags` the present state of its delay flag (with
`?seat=` and `?tenant=`, for that customer; where LAB_TOKEN is set, to its holder only). It logs neither
cards nor tokens.
"""

from __future__ import annotations

import os
import re
import sys
import threading
import uuid
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any, TypeGuard

from flask import Flask, Response, abort, jsonify, request

from runtime.listener_settings import (
    body_s_setting,
    header_s_setting,
    idle_s_setting,
    most_connections_setting,
)
from runtime.listening import CannotListen, endpoint
from runtime.settings import EXIT_CANNOT_START, load_or_exit, setting, whole_number
from runtime.stop_signal import StopSignal
from runtime.wsgi import WsgiServer, limits_of
from services.common import lab_token, randomness
from services.common.flags import Flags, delay_flag
from services.common.seat import Shopper
from services.common.settings import CommonSettings
from services.common.telemetry import make_logger, redirect_standard_logging

NAME = "buttercup"
CUSTOMER_TOKEN = "prod-a8cf28f9-1a1a-4994-bafa-cd4b143c3291"  # noqa: S105  # the lesson's own, opens nothing
DELAY = delay_flag(NAME)
DEFAULT_DELAY_MS = (50.0, 250.0)
_REMEMBERED = 10_000
_MAX_BODY_BYTES = 16 * 1024
_THREADS = whole_number(1, 1_024)
_CARD_NUMBER = re.compile(r"[0-9]{12,19}")
_pause = threading.Event()


@dataclass(frozen=True, slots=True)
class Settings(CommonSettings):
    """The provider's settings."""

    token: str = setting(
        CUSTOMER_TOKEN,
        "BUTTERCUP_TOKEN",
        "The API token that this provider accepts.",
        secret=True,
        shown="the good token of the lesson",
    )
    lab_token: str = setting(
        "", "LAB_TOKEN", "Needed as a bearer to read /_flags; empty: everyone may.", secret=True
    )
    threads: int = setting(48, "BUTTERCUP_THREADS", "Charges handled at once.", _THREADS)
    most_connections: int = most_connections_setting()
    header_s: int = header_s_setting()
    body_s: int = body_s_setting()
    idle_s: int = idle_s_setting()


class Receipts:
    """Transaction ids; a repeated idempotency key gets the same one again."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._lock = threading.Lock()
        self._known: OrderedDict[str, str] = OrderedDict()

    def issue(self, key: str) -> str:
        """The transaction id for a charge; `key` may be empty."""
        with self._lock:
            if key and key in self._known:
                return self._known[key]
            receipt = str(uuid.UUID(int=self._chance.getrandbits(128), version=4))
            if key:
                self._known[key] = receipt
                if len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
            return receipt


def problem_of(content: Any) -> str:
    """The reason why a charge's JSON is refused, empty when it is valid. Never repeats a value of it."""
    if not isinstance(content, dict):
        return "the body must be a JSON object"
    amount, card = content.get("amount"), content.get("card")
    if not isinstance(amount, dict) or not isinstance(card, dict):
        return "amount and card are required"
    code = amount.get("currency_code")
    if not isinstance(code, str) or not re.fullmatch(r"[A-Z]{3}", code):
        return "amount.currency_code must be three capital letters"
    units, nanos = amount.get("units"), amount.get("nanos")
    if not _whole(units) or not _whole(nanos) or units < 0 or not 0 <= nanos < 1_000_000_000:
        return "amount.units and amount.nanos must be whole numbers of 0 or more"
    if not isinstance(card.get("number"), str) or not _CARD_NUMBER.fullmatch(card["number"]):
        return "card.number must be 12 to 19 digits"
    if not _whole(card.get("expiration_year")) or not _whole(card.get("expiration_month")):
        return "card.expiration_year and card.expiration_month must be whole numbers"
    return ""


def customer_of(content: Any) -> Shopper:
    """The customer that a charge's JSON names; an anonymous one where it names none."""
    customer = content.get("customer") if isinstance(content, dict) else None
    if not isinstance(customer, dict):
        return Shopper()
    seat, tier = customer.get("id"), customer.get("tier")
    return Shopper(
        seat if isinstance(seat, str) else "",
        tier if isinstance(tier, str) else "",
        customer.get("test") is True,
    )


def _whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def make_app(settings: Settings, flags: Flags) -> Flask:
    """The provider's web application."""
    app = Flask(NAME, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _MAX_BODY_BYTES
    delays = randomness.stream(settings.seed, NAME, "delay")
    receipts = Receipts(randomness.stream(settings.seed, NAME, "receipts"))

    @app.get("/_healthz")
    def healthz() -> Response:
        return Response("ok", mimetype="text/plain")

    @app.get("/_flags")
    def flag_states() -> Response:
        if not lab_token.admits(settings.lab_token, request.headers.get("Authorization", "")):
            abort(404)
        states = flags.states(request.args.get("seat", ""), request.args.get("tenant", ""))
        return jsonify(service=NAME, flags=[asdict(state) for state in states])

    @app.post("/charge")
    def charge() -> tuple[Response, int]:
        content = request.get_json(silent=True)
        least_ms, most_ms = flags.delay_range_ms(DELAY, customer_of(content))
        if most_ms == 0:
            least_ms, most_ms = DEFAULT_DELAY_MS
        _pause.wait(delays.uniform(least_ms, most_ms) / 1000)
        if request.headers.get("Authorization", "") != f"Bearer {settings.token}":
            return jsonify(error="Invalid API Token"), 401
        problem = problem_of(content)
        if problem:
            return jsonify(error=problem), 400
        return jsonify(transaction_id=receipts.issue(request.headers.get("Idempotency-Key", ""))), 200

    return app


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. Returns 0 after a graceful stop, 2 for a port that is taken."""
    settings = load_or_exit(Settings, argv, f"{NAME}: the outside payment provider.")
    stop = StopSignal()
    logger = make_logger({"service.name": NAME, "environment": settings.environment})
    redirect_standard_logging(logger)
    flags = Flags(settings.flags_file, logger, [DELAY])
    try:
        app = make_app(settings, flags)
        limits = limits_of(settings, threads=settings.threads, body_bytes=2 * _MAX_BODY_BYTES)
        server = WsgiServer(app, settings.listen_addr, settings.port, limits)
    except CannotListen as error:
        sys.stderr.write(f"{NAME} {error}\n")
        return EXIT_CANNOT_START
    server.start()
    logger.info("Serving", address=endpoint(settings.listen_addr, server.port), pid=os.getpid())
    stop.wait()
    server.stop()
    flags.close()
    logger.info("Stopped")
    return 0
