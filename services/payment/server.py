"""paymentservice: `Charge` checks the card and charges it through ButtercupPayments.

Two versions serve charges side by side, as during a roll-out: `v350.9` holds
the provider's production token, `v350.10` a test token that the provider refuses
with 401. The flag `payment_invalid_token` is the share of charges that the second
one serves. The token is really sent, and really refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import grpc
from opentelemetry import trace

from protos import hipstershop_pb2 as pb, hipstershop_pb2_grpc as rpc
from runtime.settings import HTTP_URL, SECONDS, setting
from services.common import money, seat
from services.common.clients import ORIGINAL_CODE_KEY
from services.common.errors import InvalidRequest, Unauthenticated
from services.common.flags import PAYMENT_INVALID_TOKEN
from services.common.server import Backend, ServiceContext, ServicerHandle, serve
from services.common.settings import CommonSettings
from services.common.telemetry import counter
from services.payment import cards
from services.payment.provider import Charge, Provider

SPAN_NAME = "grpc.hipstershop.PaymentService/Charge"
REFERENCE_KEY = "idempotency-key"
REFUSED = "Invalid request"


@dataclass(frozen=True, slots=True)
class Release:
    """One version of the service: its number, its pods, its token for the provider."""

    version: str
    pods: Sequence[str]
    token: str


GOOD = Release("v350.9", ("payment-service-449bc",), "prod-a8cf28f9-1a1a-4994-bafa-cd4b143c3291")
BAD = Release(
    "v350.10",
    (
        "payment-service-3483d",
        "payment-service-ab82e",
        "payment-service-9aaf3",
        "payment-service-6bbaf",
    ),
    "test-20e26e90-356b-432e-a2c6-956fc03f5609",
)


@dataclass(frozen=True, slots=True)
class Settings(CommonSettings):
    """paymentservice's settings."""

    buttercup_url: str = setting(
        "http://127.0.0.1:8081", "BUTTERCUP_URL", "The payment provider's base URL.", HTTP_URL
    )
    provider_timeout_s: float = setting(
        3.0, "BUTTERCUP_TIMEOUT_S", "How long a charge waits for the provider.", SECONDS
    )


class PaymentServicer(rpc.PaymentServiceServicer):
    """Serves `hipstershop.PaymentService`."""

    def __init__(self, service: ServiceContext[Settings], provider: Provider) -> None:
        self._log = service.log
        self._flags = service.flags
        self._provider = provider
        self._routing = service.chance("release")
        self._tenants = service.chance("tenant")
        self._charges = counter(service.telemetry.meter, "hipstershop.charges")

    def Charge(self, request: pb.ChargeRequest, context: grpc.ServicerContext) -> pb.ChargeResponse:
        """Charge the card once. Returns the provider's transaction id."""
        trace.get_current_span().update_name(SPAN_NAME)
        release, pod = self._route(seat.current())
        outcome = "failed"
        try:
            answer = self._charge(request, context, release, pod)
            outcome = "accepted"
        except Unauthenticated:
            outcome = "refused"
            raise
        except InvalidRequest:
            outcome = "invalid"
            raise
        finally:
            self._charges.add(1, {"version": release.version, "hipstershop.outcome": outcome})
        return answer

    def _charge(
        self, request: pb.ChargeRequest, context: grpc.ServicerContext, release: Release, pod: str
    ) -> pb.ChargeResponse:
        span, shopper = trace.get_current_span(), seat.current()
        span.set_attributes(
            {
                "version": release.version,
                "kubernetes_pod_uid": pod,
                "tenant.level": shopper.tenant_level or self._tenants.choice(seat.TENANT_LEVELS),
            }
        )
        card = cards.check(request.credit_card, datetime.now(UTC).date())
        money.nanos_of(request.amount)
        self._log.info("Charging through ButtercupPayments", token=release.token, version=release.version)
        reference = dict(context.invocation_metadata()).get(REFERENCE_KEY, "")
        charge = Charge(request.amount, request.credit_card, card.digits, str(reference), shopper)
        try:
            transaction_id = self._provider.charge(charge, release.token)
        except Unauthenticated:
            self._refused(span, release)
            context.set_trailing_metadata(((ORIGINAL_CODE_KEY, "401"),))
            raise
        self._log.info(
            "Transaction processed",
            version=release.version,
            cardType=card.brand,
            cardNumberEnding=card.ending,
            **{
                "amount.currency_code": request.amount.currency_code,
                "amount.units": request.amount.units,
                "amount.nanos": request.amount.nanos,
            },
        )
        return pb.ChargeResponse(transaction_id=transaction_id)

    def _route(self, shopper: seat.Shopper) -> tuple[Release, str]:
        share = self._flags.payment_invalid_token(shopper)
        release = BAD if self._routing.random() < share else GOOD
        return release, self._routing.choice(release.pods)

    def _refused(self, span: trace.Span, release: Release) -> None:
        span.set_attributes(
            {
                "error": True,
                "grpc.status_code": "401",
                "grpc.error_name": "Error",
                "grpc.error_message": REFUSED,
            }
        )
        span.set_status(trace.StatusCode.ERROR, REFUSED)
        self._log.error(
            f"Failed payment processing through ButtercupPayments: Invalid API Token ({release.token})",
            token=release.token,
            version=release.version,
        )


def mount(service: ServiceContext[Settings]) -> ServicerHandle:
    """Open the provider's client and make the servicer."""
    settings = service.settings
    provider = Provider(settings.buttercup_url, service.telemetry, settings.provider_timeout_s)
    return ServicerHandle(PaymentServicer(service, provider), close=provider.close)


BACKEND = Backend(
    service="paymentservice",
    short_name="payment",
    title="charges cards through ButtercupPayments.",
    settings=Settings,
    rpc_service="hipstershop.PaymentService",
    register=rpc.add_PaymentServiceServicer_to_server,
    mount=mount,
    flags=(PAYMENT_INVALID_TOKEN,),
    # A call mostly waits for the provider: with fewer threads, slow charges would block health checks.
    workers=64,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit codes are those of `serve`."""
    return serve(BACKEND, argv)
