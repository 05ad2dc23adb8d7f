"""OTLP/gRPC: the three export services on raw bytes.

Owns the service names and the mapping of outcomes to gRPC statuses. Does not know
what the items mean or how they are stored.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import grpc

from collector import responses
from collector.intake import RETRY_AFTER_S, Encoding, Intake, Overloaded, Signal, Unavailable
from collector.items import Undecodable
from collector.responses import Code
from runtime.grpc_limits import server_options
from runtime.listening import CannotListen, check_port, endpoint

_SERVICES = {
    "opentelemetry.proto.collector.trace.v1.TraceService": Signal.TRACES,
    "opentelemetry.proto.collector.logs.v1.LogsService": Signal.LOGS,
    "opentelemetry.proto.collector.metrics.v1.MetricsService": Signal.METRICS,
}
# gRPC refuses calls above this without RetryInfo, so senders drop them: far more than any sender needs.
# A call that waits for its message holds no thread, so that many are cheap.
_MAX_CALLS = 4_096
_VARIABLE = "OTLP_GRPC_PORT"
_LAST_WAIT_S = 1.0


class GrpcReceiver:
    """Serves OTLP over gRPC in a thread of its own, from `start` on.

    One event loop receives: a call whose message never comes holds no worker thread, and is refused after
    `message_s`.
    """

    def __init__(self, intake: Intake, *, threads: int, max_request_bytes: int, message_s: float) -> None:
        self._intake = intake
        self._max_request_bytes = max_request_bytes
        self._message_s = message_s
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix="otlp-grpc")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="grpc", daemon=True)
        self._server: Any = None
        self.port = 0

    def start(self, host: str, port: int) -> None:
        """Bind `port`, or any free one for 0, and serve. Raises CannotListen."""
        try:
            # gRPC writes a stack trace of its own about a taken port.
            check_port(host, port, _VARIABLE)
            self._thread.start()
            self.port = self._in_loop(self._serve(endpoint(host, port))).result()
        except RuntimeError as error:
            self.close()
            raise CannotListen(host, port, _VARIABLE) from error
        except CannotListen:
            self.close()
            raise

    def stop(self, within_s: float) -> Future[None]:
        """Refuse new calls and answer those in work for so long; the result is there when all have ended."""
        return self._in_loop(self._server.stop(within_s))

    def close(self) -> None:
        """Release thread and loop, after `stop`."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_LAST_WAIT_S)
        self._workers.shutdown(wait=False)
        if not self._thread.is_alive() and not self._loop.is_closed():
            self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _in_loop(self, work: Any) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _serve(self, address: str) -> int:
        server = grpc.aio.server(
            maximum_concurrent_rpcs=_MAX_CALLS, options=server_options(self._max_request_bytes)
        )
        for service, signal in _SERVICES.items():
            # To the sender a call with one message is the same either way. Here only a handler of a stream
            # is called before its message has come, and can stop waiting for it.
            handler = grpc.stream_unary_rpc_method_handler(self._export(signal))
            server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(service, {"Export": handler}),)
            )
        port = int(server.add_insecure_port(address))
        await server.start()
        self._server = server
        return port

    def _export(self, signal: Signal) -> Callable[[Any, Any], Awaitable[bytes]]:
        async def export(_messages: Any, context: Any) -> bytes:
            try:
                body = await asyncio.wait_for(context.read(), self._message_s)
            except TimeoutError:
                await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "the message did not arrive in time")
            if body is grpc.aio.EOF:
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the call has no message")
            return await self._taken(signal, body, context)

        return export

    async def _taken(self, signal: Signal, body: bytes, context: Any) -> bytes:
        work = partial(self._intake.take, signal, Encoding.PROTOBUF, body)
        try:
            outcome = await self._loop.run_in_executor(self._workers, work)
        except Undecodable as error:
            await _refuse(context, grpc.StatusCode.INVALID_ARGUMENT, Code.INVALID_ARGUMENT, str(error), None)
        except Overloaded as error:
            code = grpc.StatusCode.RESOURCE_EXHAUSTED
            await _refuse(context, code, Code.RESOURCE_EXHAUSTED, str(error), RETRY_AFTER_S)
        except Unavailable as error:
            await _refuse(context, grpc.StatusCode.UNAVAILABLE, Code.UNAVAILABLE, str(error), RETRY_AFTER_S)
        else:
            return responses.success_protobuf(signal, outcome)
        return b""


async def _refuse(
    context: Any, status: grpc.StatusCode, code: Code, message: str, retry_s: int | None
) -> None:
    details = responses.status_protobuf(code, message, retry_s)
    context.set_trailing_metadata((("grpc-status-details-bin", details),))
    await context.abort(status, message)
