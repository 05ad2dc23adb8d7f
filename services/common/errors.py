"""Every error that a backend of the shop raises on purpose, and the one place that answers with it.

    ShopError
    ├── InvalidRequest   the caller sent something that can never work   INVALID_ARGUMENT
    ├── NotFound         what was asked for does not exist               NOT_FOUND
    ├── Unauthenticated  somebody refused our credentials                UNAUTHENTICATED
    ├── Unavailable      a dependency is away; trying again may help     UNAVAILABLE
    └── Failed           the work failed for a reason inside             INTERNAL
    StartError           a server could not start (the process ends with code 1)

Messages are one sentence for people: no stack, no secret, no card data.
"""

from __future__ import annotations

import grpc


class ShopError(Exception):
    """Base of all; `code` is the gRPC status that answers it."""

    code = grpc.StatusCode.INTERNAL


class InvalidRequest(ShopError):
    """The caller sent something that can never work."""

    code = grpc.StatusCode.INVALID_ARGUMENT


class NotFound(ShopError):
    """What was asked for does not exist."""

    code = grpc.StatusCode.NOT_FOUND


class Unauthenticated(ShopError):
    """Somebody that we depend on refused our credentials."""

    code = grpc.StatusCode.UNAUTHENTICATED


class Unavailable(ShopError):
    """A dependency is away; trying again may help."""

    code = grpc.StatusCode.UNAVAILABLE


class Failed(ShopError):
    """The work failed for a reason inside the shop."""


class StartError(Exception):
    """A server could not start; one sentence says why and what to do."""
