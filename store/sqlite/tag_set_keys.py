"""By what the rows of `tagsets` are found: numbers that the writing half and the reading half compute alike.

They are part of the file format: raise `settled_file.SETTLED_VERSION` with any change here.
"""

from __future__ import annotations

import hashlib
from typing import Final

import orjson

_BYTES: Final = 4
"""Of an operation's number. Two may share one: who searches by it looks at the texts, too."""


def number_of_operation(service: str, operation: str) -> int:
    """The number under which the sets of a service's operation are kept."""
    named = orjson.dumps((service, operation))
    return int.from_bytes(hashlib.blake2b(named, digest_size=_BYTES).digest(), "big", signed=True)
