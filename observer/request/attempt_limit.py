"""Limits how often codes are tried: per address and in all, within a sliding window. In memory, bounded.

An attempt is counted before it is judged, so that many at once cannot pass together; a right one is taken
back.
"""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict, deque

from runtime.addresses import is_loopback

_MOST_ADDRESSES = 1_000
_S = 10**9
_IPV6_NETWORK_BITS = 64
"""One household has as many IPv6 addresses as it likes, in one network of this size."""


class AttemptLimit:
    """At most `per_address` and `in_all` wrong attempts within `window_s` seconds."""

    def __init__(self, *, per_address: int, in_all: int, window_s: int) -> None:
        self._per_address = per_address
        self._in_all = in_all
        self._window_ns = window_s * _S
        self._lock = threading.Lock()
        self._all: deque[int] = deque()
        self._by_address: OrderedDict[str, deque[int]] = OrderedDict()

    def count(self, address: str, now_ns: int) -> int:
        """Count an attempt from an IP address; returns 0, or the seconds to wait, and then does not count it.

        This machine's own attempts do not wait for those of others: who sits at it is not shut out.
        """
        key = _key(address)
        with self._lock:
            own = self._by_address.setdefault(key, deque())
            self._by_address.move_to_end(key)
            wait_ns = self._wait_ns(own, self._per_address, now_ns)
            if not is_loopback(address):
                wait_ns = max(wait_ns, self._wait_ns(self._all, self._in_all, now_ns))
            if wait_ns:
                return -(-wait_ns // _S)
            own.append(now_ns)
            self._all.append(now_ns)
            while len(self._by_address) > _MOST_ADDRESSES:
                self._by_address.popitem(last=False)
            return 0

    def take_back(self, address: str) -> None:
        """Forget the newest attempt from an address: it was right."""
        with self._lock:
            own = self._by_address.get(_key(address))
            if own:
                newest = own.pop()
                if newest in self._all:
                    self._all.remove(newest)

    def _wait_ns(self, attempts: deque[int], most: int, now_ns: int) -> int:
        # A clock that was set back would make attempts of the future wait for ever.
        while attempts and not 0 <= now_ns - attempts[0] < self._window_ns:
            attempts.popleft()
        while len(attempts) > most:
            attempts.popleft()
        return attempts[0] + self._window_ns - now_ns if len(attempts) >= most else 0


def _key(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if found.version == 4:
        return address
    return str(ipaddress.ip_network((found, _IPV6_NETWORK_BITS), strict=False))
