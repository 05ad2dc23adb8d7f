"""The key of a row of `tagsets`. It begins alike for all sets of an operation: so these are found by it, too.

Part of the file format: raise `settled_file.SETTLED_VERSION` with any change here.
"""

from __future__ import annotations

import hashlib
from typing import Final

import orjson

_OPERATION_BYTES: Final = 3
BODY_BYTES: Final = 16
"""Of the BLAKE2b of the body, behind it."""


def operation_key(service: str, operation: str) -> bytes:
    """What the keys of the sets of an operation begin with.

    So do those of another now and then: who searches by it must look at the texts, too.
    """
    named = orjson.dumps((service, operation))
    return hashlib.blake2b(named, digest_size=_OPERATION_BYTES).digest()


def keys_of_operation(service: str, operation: str) -> tuple[bytes, bytes]:
    """The lowest and the highest key that a set of an operation may have."""
    begin = operation_key(service, operation)
    return begin, begin + b"\xff" * BODY_BYTES
