"""The one place where errors of a backend become gRPC answers.

Every RPC method of a servicer is wrapped once: deliberate errors answer with
their status and message, anything else is logged with its stack and answers
INTERNAL without telling why. The service's own delay flag acts here too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from random import Random
from typing import Any

import grpc

from services.common import seat
from services.common.errors import ShopError
from services.common.flags import Flag, Flags
from services.common.telemetry import ShopLogger

Method = Callable[[Any, grpc.ServicerContext], Any]
_never = threading.Event()


class _Answering:
    """Looks like the servicer; its methods answer errors."""


def answering(servicer: Any, logger: ShopLogger, flags: Flags, delay: Flag, chance: Random) -> Any:
    """`servicer` with every public method wrapped."""
    wrapped = _Answering()
    for name in dir(servicer):
        if name[0].isupper() and callable(getattr(servicer, name)):
            setattr(wrapped, name, _wrap(getattr(servicer, name), logger, flags, delay, chance))
    return wrapped


def _wrap(method: Method, logger: ShopLogger, flags: Flags, delay: Flag, chance: Random) -> Method:
    def answer(request: Any, context: grpc.ServicerContext) -> Any:
        least_ms, most_ms = flags.delay_range_ms(delay, seat.current())
        if most_ms:
            _never.wait(chance.uniform(least_ms, most_ms) / 1000)
        try:
            return method(request, context)
        except ShopError as error:
            code, message = error.code, str(error)
        except grpc.RpcError as error:
            logger.exception("A call to another service failed and nobody expected it", error=str(error))
            code, message = grpc.StatusCode.UNAVAILABLE, "a service that this one needs did not answer"
        except Exception:
            if not context.is_active():
                raise
            logger.exception("An RPC failed unexpectedly")
            code, message = grpc.StatusCode.INTERNAL, "internal error"
        context.abort(code, message)
        raise AssertionError("abort always raises")

    return answer
