"""The token by which the lab's own screens identify themselves to the shop's processes.

Where it is set, what gives a lesson away (the state of the flags) is shown to its holder alone.
"""

from __future__ import annotations

import hmac


def admits(token: str, authorization: str) -> bool:
    """Whether an `Authorization` header carries `token` as a bearer; without a token everyone is admitted."""
    if not token:
        return True
    return hmac.compare_digest(f"Bearer {token}".encode(), authorization.encode("utf-8", "replace"))
