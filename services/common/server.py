"""The harness of every gRPC backend: server, health, flags, telemetry, answers to errors, graceful stop.

A service describes itself as a `Backend` and hands over its servicer; `serve`
is its `main`, `start` the same in a process that goes on (tests). Knows no
service by name.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from types import FrameType
from typing import Any, Generic, TypeVar

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from protos import lab_pb2, lab_pb2_grpc
from services.common import randomness, settings as settings_module, telemetry as telemetry_module
from services.common.answers import answering
from services.common.errors import StartError
from services.common.flags import Flag, Flags, delay_flag
from services.common.settings import CommonSettings
from services.common.telemetry import Identity, ServerBaggage, ServerSpans, ShopLogger, Telemetry

S = TypeVar("S", bound=CommonSettings)

_GRACE_S = 0.5


@dataclass(frozen=True, slots=True)
class Runtime(Generic[S]):
    """What a servicer is made from."""

    settings: S
    telemetry: Telemetry
    flags: Flags

    @property
    def log(self) -> ShopLogger:
        """The process's logger."""
        return self.telemetry.log

    def chance(self, purpose: str) -> Random:
        """The repeatable numbers for `purpose`."""
        return randomness.stream(self.settings.seed, self.telemetry.identity.service, purpose)


@dataclass(frozen=True, slots=True)
class Mounted:
    """A servicer ready to be served: how to tell its health, and what to close at the end."""

    servicer: Any
    healthy: Callable[[], bool] = lambda: True
    close: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Backend(Generic[S]):
    """One backend: its names, its RPC service, its flags, how to make its servicer."""

    service: str
    short_name: str
    title: str
    settings: type[S]
    rpc_service: str
    register: Callable[[Any, grpc.Server], None]
    mount: Callable[[Runtime[S]], Mounted]
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
        """The answer to a health check; also what watchers are told from now on."""
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
                for state in self._flags.states()
            ],
        )


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs; `stop` ends it and everything it opened but its telemetry."""

    port: int
    server: grpc.Server
    mounted: Mounted
    flags: Flags
    health: _Health

    def stop(self, grace_s: float = _GRACE_S) -> None:
        """Refuse new calls, let running ones end within `grace_s`, then close."""
        self.health.enter_graceful_shutdown()
        self.server.stop(grace_s).wait(grace_s + 0.5)
        self.mounted.close()
        self.flags.close()


def _bound(server: grpc.Server, settings: CommonSettings) -> int:
    wanted = f"{settings.listen_addr}:{settings.port}"
    try:
        _try_address(settings.listen_addr, settings.port)
        return int(server.add_insecure_port(wanted))
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it cannot be used"
        raise StartError(
            f"cannot listen on {wanted}: {reason}; set PORT or LISTEN_ADDR to others."
        ) from error


def _try_address(host: str, port: int) -> None:
    """Bind it for a moment: gRPC would write a stack of its own about a taken port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host.strip("[]"), port))


def start(backend: Backend[S], settings: S, telemetry: Telemetry) -> Running:
    """Serve `backend` until `stop` is called.

    Raises:
        StartError: the port is taken, or what the service needs cannot be opened.
    """
    own_delay = delay_flag(backend.short_name)
    flags = Flags(settings.flags_file, telemetry.log, [*backend.flags, own_delay])
    runtime = Runtime(settings, telemetry, flags)
    server = grpc.server(
        ThreadPoolExecutor(backend.workers, thread_name_prefix=backend.short_name),
        interceptors=[ServerSpans(telemetry.tracer) if telemetry.enabled else ServerBaggage()],
        options=[("grpc.so_reuseport", 0)],
    )
    mounted = None
    try:
        port = _bound(server, settings)
        mounted = backend.mount(runtime)
    except BaseException:
        flags.close()
        raise
    backend.register(
        answering(mounted.servicer, runtime.log, flags, own_delay, runtime.chance("delay")), server
    )
    health_servicer = _Health(mounted.healthy, backend.rpc_service)
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    lab_pb2_grpc.add_FlagServiceServicer_to_server(_FlagServicer(backend.service, flags), server)
    server.start()
    return Running(port, server, mounted, flags, health_servicer)


class StopSignal:
    """Waits for SIGTERM or SIGINT without ever blocking inside a lock that a handler might need."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._arrived)

    def _arrived(self, _number: int, _frame: FrameType | None) -> None:
        try:
            os.write(self._write, b"x")
        except BlockingIOError:
            return

    def wait(self) -> None:
        """Return when one of the signals has come."""
        os.read(self._read, 1)


def announce(settings: Any, telemetry: Telemetry, port: int) -> None:
    """Tell what was changed by the environment, then that the process serves."""
    for env, default, value in settings_module.overrides(settings):
        telemetry.log.info("Setting changed", setting=env, default=default, value=value)
    telemetry.log.info("Serving", address=f"{settings.listen_addr}:{port}", pid=os.getpid())


def serve(backend: Backend[S], argv: Sequence[str] | None) -> int:
    """The `main` of a backend: 0 after a graceful stop, 1 when it cannot start, 2 for a bad setting."""
    settings = settings_module.load_or_exit(backend.settings, argv, f"{backend.service}: {backend.title}")
    stop = StopSignal()
    telemetry = telemetry_module.start(Identity(backend.service, settings.environment))
    try:
        running = start(backend, settings, telemetry)
    except StartError as error:
        sys.stderr.write(f"{backend.service} {error}\n")
        telemetry.stop()
        return 1
    announce(settings, telemetry, running.port)
    stop.wait()
    running.stop()
    telemetry.log.info("Stopped")
    telemetry.stop()
    return 0
