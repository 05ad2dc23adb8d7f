"""The harness of every gRPC backend: server, health, flags, telemetry, error statuses, graceful stop.

A service describes itself as a `Backend`; `serve` is its `main`, and `start` serves it in a process
that goes on (tests). Knows no service by name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Generic, TypeVar

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from protos import lab_pb2, lab_pb2_grpc
from runtime.grpc_limits import server_options
from runtime.listening import CannotListen, check_port, endpoint
from runtime.settings import EXIT_CANNOT_START, load_or_exit, overrides
from runtime.stop_signal import StopSignal
from services.common import randomness, telemetry as telemetry_module
from services.common.errors import StartError
from services.common.flags import Flag, Flags, delay_flag
from services.common.grpc_errors import answering
from services.common.settings import CommonSettings
from services.common.telemetry import (
    Identity,
    ServerBaggage,
    ServerSpans,
    ShopLogger,
    Telemetry,
    histogram,
    observe_pool,
)
from services.common.thread_pool import CountingThreadPool

S = TypeVar("S", bound=CommonSettings)

_GRACE_S = 0.5
_MAX_MESSAGE_BYTES = 4 * 1024**2


@dataclass(frozen=True, slots=True)
class ServiceContext(Generic[S]):
    """The settings, telemetry and flags of one process: what its servicer is made from."""

    settings: S
    telemetry: Telemetry
    flags: Flags

    @property
    def log(self) -> ShopLogger:
        """The process's logger."""
        return self.telemetry.log

    def chance(self, purpose: str) -> Random:
        """A generator of its own for each purpose, repeatable where `HIPSTERLAB_SEED` is set."""
        return randomness.stream(self.settings.seed, self.telemetry.identity.service, purpose)


@dataclass(frozen=True, slots=True)
class ServicerHandle:
    """A servicer with its health check and with what closes its connections at the end."""

    servicer: Any
    healthy: Callable[[], bool] = lambda: True
    close: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Backend(Generic[S]):
    """One backend: its names, its RPC service, its flags, and the function that makes its servicer."""

    service: str
    short_name: str
    title: str
    settings: type[S]
    rpc_service: str
    register: Callable[[Any, grpc.Server], None]
    mount: Callable[[ServiceContext[S]], ServicerHandle]
    flags: Sequence[Flag] = ()
    workers: int = 8


class _Health(health.HealthServicer):  # type: ignore[misc]  # ships no types
    """gRPC health that asks the service itself on every check."""

    def __init__(self, healthy: Callable[[], bool], rpc_service: str) -> None:
        super().__init__()
        self._healthy = healthy
        self._names = ("", rpc_service)
        for name in self._names:
            self.set(name, health_pb2.HealthCheckResponse.SERVING)

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        """The health of the servicer at this moment; watchers of the health get it as well."""
        status = (
            health_pb2.HealthCheckResponse.SERVING
            if self._healthy()
            else health_pb2.HealthCheckResponse.NOT_SERVING
        )
        for name in self._names:
            self.set(name, status)
        return super().Check(request, context)


class _FlagServicer(lab_pb2_grpc.FlagServiceServicer):
    def __init__(self, service: str, flags: Flags) -> None:
        self._service = service
        self._flags = flags

    def GetFlags(
        self, request: lab_pb2.GetFlagsRequest, context: grpc.ServicerContext
    ) -> lab_pb2.GetFlagsResponse:
        return lab_pb2.GetFlagsResponse(
            service=self._service,
            flags=[
                lab_pb2.FlagState(
                    key=state.key, people=state.people, synthetic=state.synthetic, error=state.error
                )
                for state in self._flags.states(request.seat, request.tenant)
            ],
        )


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs; `stop` ends it and all that it opened, except for the telemetry."""

    port: int
    server: grpc.Server
    handle: ServicerHandle
    flags: Flags
    health: _Health

    def stop(self, grace_s: float = _GRACE_S) -> None:
        """Refuse new calls, let running ones end for up to `grace_s`, then close."""
        self.health.enter_graceful_shutdown()
        self.server.stop(grace_s).wait(grace_s + 0.5)
        self.handle.close()
        self.flags.close()


def _bind(server: grpc.Server, settings: CommonSettings) -> int:
    # gRPC writes a stack trace of its own about a taken port.
    check_port(settings.listen_addr, settings.port, "PORT")
    try:
        return int(server.add_insecure_port(endpoint(settings.listen_addr, settings.port)))
    except RuntimeError as error:
        raise CannotListen(settings.listen_addr, settings.port, "PORT") from error


def _server(backend: Backend[Any], telemetry: Telemetry) -> grpc.Server:
    pool = CountingThreadPool(backend.workers, backend.short_name)
    observe_pool(telemetry.meter, "grpc", pool.occupancy)
    durations = histogram(telemetry.meter, "rpc.server.call.duration")
    return grpc.server(
        pool,
        interceptors=[ServerSpans(telemetry.tracer, durations) if telemetry.enabled else ServerBaggage()],
        options=server_options(_MAX_MESSAGE_BYTES),
    )


def start(backend: Backend[S], settings: S, telemetry: Telemetry) -> Running:
    """Serve `backend` until `stop` is called.

    Raises:
        CannotListen: the port is taken.
        StartError: what the service needs cannot be opened.
    """
    own_delay = delay_flag(backend.short_name)
    flags = Flags(settings.flags_file, telemetry.log, [*backend.flags, own_delay])
    service = ServiceContext(settings, telemetry, flags)
    server = _server(backend, telemetry)
    try:
        port = _bind(server, settings)
        handle = backend.mount(service)
    except BaseException:
        flags.close()
        raise
    backend.register(
        answering(handle.servicer, service.log, flags, own_delay, service.chance("delay")), server
    )
    health_servicer = _Health(handle.healthy, backend.rpc_service)
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    lab_pb2_grpc.add_FlagServiceServicer_to_server(_FlagServicer(backend.service, flags), server)
    server.start()
    return Running(port, server, handle, flags, health_servicer)


def announce(settings: Any, telemetry: Telemetry, port: int) -> None:
    """Log that the process serves, and with which settings that are not the default."""
    own = ", ".join(f"{env}={value}" for env, _, value in overrides(settings))
    telemetry.log.info("Serving", address=f"{settings.listen_addr}:{port}", pid=os.getpid(), settings=own)


def serve(backend: Backend[S], argv: Sequence[str] | None) -> int:
    """The `main` of a backend. Returns 0 after a graceful stop.

    1 when what it needs cannot be opened, 2 for a malformed setting and for a port that is taken.
    """
    settings = load_or_exit(backend.settings, argv, f"{backend.service}: {backend.title}")
    stop = StopSignal()
    telemetry = telemetry_module.start(Identity(backend.service, settings.environment))
    try:
        running = start(backend, settings, telemetry)
    except (StartError, CannotListen) as error:
        sys.stderr.write(f"{backend.service} {error}\n")
        telemetry.stop()
        return EXIT_CANNOT_START if isinstance(error, CannotListen) else 1
    announce(settings, telemetry, running.port)
    stop.wait()
    running.stop()
    telemetry.log.info("Stopped")
    telemetry.stop()
    return 0
