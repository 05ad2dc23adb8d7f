"""emailservice: confirms orders. It sends nothing: the lab has no mail server, the log line is the mail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import grpc

from protos import hipstershop_pb2 as pb, hipstershop_pb2_grpc as rpc
from services.common import seat
from services.common.errors import InvalidRequest
from services.common.flags import EMAIL_SILENT_LOGS, Flags
from services.common.server import Backend, ServiceContext, ServicerHandle, serve
from services.common.settings import CommonSettings
from services.common.telemetry import ShopLogger, outside_the_span

_MAX_EMAIL_LENGTH = 254


@dataclass(frozen=True, slots=True)
class Settings(CommonSettings):
    """emailservice's settings."""


class EmailServicer(rpc.EmailServiceServicer):
    """Serves `hipstershop.EmailService`."""

    def __init__(self, logger: ShopLogger, flags: Flags) -> None:
        self._log = logger
        self._flags = flags

    def SendOrderConfirmation(
        self, request: pb.SendOrderConfirmationRequest, context: grpc.ServicerContext
    ) -> pb.Empty:
        """Confirm an order to an address that could be one."""
        name, at, host = request.email.strip().rpartition("@")
        if not (name and at and host) or len(request.email) > _MAX_EMAIL_LENGTH or "\n" in request.email:
            raise InvalidRequest("the e-mail address is not one: it must look like someone@example.com")
        with outside_the_span(self._flags.email_silent_logs(seat.current())):
            self._log.info(
                "A request to send order confirmation email has been received",
                email=request.email,
                order_id=request.order.order_id,
            )
        return pb.Empty()


def mount(service: ServiceContext[Settings]) -> ServicerHandle:
    """Make the servicer."""
    return ServicerHandle(EmailServicer(service.log, service.flags))


BACKEND = Backend(
    service="emailservice",
    short_name="email",
    title="confirms orders.",
    settings=Settings,
    rpc_service="hipstershop.EmailService",
    register=rpc.add_EmailServiceServicer_to_server,
    mount=mount,
    flags=(EMAIL_SILENT_LOGS,),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit codes are those of `serve`."""
    return serve(BACKEND, argv)
