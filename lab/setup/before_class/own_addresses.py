"""The addresses by which other devices can reach this machine, best first.

The C library lists them (`getifaddrs`): the standard library has no call that gives every address of
every interface, and the programs that do differ from system to system.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import ipaddress
import socket
import sys
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_UP = 0x1
_LOOPBACK = 0x8
# Bridges and pairs of containers and virtual machines: nothing outside this machine is on them.
_VIRTUAL = (
    "docker",
    "br-",
    "veth",
    "virbr",
    "vmnet",
    "vboxnet",
    "cni",
    "flannel",
    "cali",
    "podman",
    "lxc",
    "lxd",
)
_VPN = ("tun", "tap", "wg", "utun", "tailscale", "zt", "ppp", "ipsec")
_WIRELESS = ("wl", "ath", "ra")
# Flags of /proc/net/if_inet6.
_TEMPORARY = 0x01
_UNUSABLE = 0x08 | 0x20 | 0x40  # duplicate, deprecated, tentative


@dataclass(frozen=True, slots=True)
class OwnAddress:
    """An address of this machine. `kind` is `wireless`, `VPN` or empty; a temporary one changes daily."""

    address: str
    interface: str
    kind: str = ""
    temporary: bool = False

    @property
    def is_ipv6(self) -> bool:
        """Whether it is written with colons, and stands in brackets in a URL."""
        return ":" in self.address

    @property
    def is_self_assigned(self) -> bool:
        """Whether no router gave it (169.254…): only devices on the same cable have such a one."""
        return ipaddress.ip_address(self.address).is_link_local

    @property
    def is_public(self) -> bool:
        """Whether it is an IPv4 address that the whole Internet may reach."""
        return not self.is_ipv6 and ipaddress.ip_address(self.address).is_global

    def url(self, port: int, path: str = "/") -> str:
        """What to type on another device."""
        return f"http://{f'[{self.address}]' if self.is_ipv6 else self.address}:{port}{path}"

    def described(self) -> str:
        """Its interface and what is special about it, for people."""
        parts = [self.interface, self.kind, "IPv6" if self.is_ipv6 else ""]
        parts += ["changes daily" if self.temporary else ""]
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class RawAddress:
    """One entry of the system's list: interface, its flags, address without its zone."""

    interface: str
    flags: int
    address: str


def best_first(
    found: Iterable[RawAddress],
    default: str = "",
    temporary: Collection[str] = (),
    unusable: Collection[str] = (),
) -> list[OwnAddress]:
    """The addresses that other devices can use: those of the network with the default route first.

    Left out are loopback, interfaces that are down, those of containers, and IPv6 addresses that a
    browser cannot take (link-local). A VPN's and a self-assigned address come last.
    """
    chosen: dict[str, OwnAddress] = {}
    for raw in found:
        if not raw.flags & _UP or raw.flags & _LOOPBACK or raw.interface.startswith(_VIRTUAL):
            continue
        parsed = ipaddress.ip_address(raw.address)
        if raw.address in unusable or parsed.is_loopback or (parsed.version == 6 and parsed.is_link_local):
            continue
        kind = "VPN" if raw.interface.startswith(_VPN) else ""
        kind = kind or ("wireless" if raw.interface.startswith(_WIRELESS) else "")
        own = OwnAddress(raw.address, raw.interface, kind, raw.address in temporary)
        chosen.setdefault(raw.address, own)
    home = next((own.interface for own in chosen.values() if own.address == default), "")
    return sorted(
        chosen.values(),
        key=lambda own: (
            own.kind == "VPN",
            own.is_self_assigned,
            own.interface != home,
            own.is_ipv6,
            own.temporary,
            own.interface,
            own.address,
        ),
    )


def read(default: str) -> list[OwnAddress]:
    """The addresses of this machine, best first; `default` is the one on its default route."""
    temporary, unusable = _ipv6_states()
    return best_first(_listed(), default, temporary, unusable)


def _ipv6_states() -> tuple[set[str], set[str]]:
    """The IPv6 addresses that are temporary, and those not to be used (Linux only)."""
    temporary, unusable = set(), set()
    try:
        lines = Path("/proc/net/if_inet6").read_text("ascii").splitlines()
    except OSError:
        return set(), set()
    for line in lines:
        digits, *_, flags, _ = line.split()
        address = str(ipaddress.IPv6Address(bytes.fromhex(digits)))
        if int(flags, 16) & _TEMPORARY:
            temporary.add(address)
        if int(flags, 16) & _UNUSABLE:
            unusable.add(address)
    return temporary, unusable


class _Entry(ctypes.Structure):
    """The beginning of `struct ifaddrs`, the same on Linux and macOS."""


_Entry._fields_ = [
    ("next", ctypes.POINTER(_Entry)),
    ("name", ctypes.c_char_p),
    ("flags", ctypes.c_uint),
    ("address", ctypes.c_void_p),
]


def _listed() -> Iterator[RawAddress]:
    library = ctypes.CDLL(ctypes.util.find_library("c"), use_errno=True)
    head = ctypes.POINTER(_Entry)()
    if library.getifaddrs(ctypes.byref(head)):
        return
    try:
        entry = head
        while entry:
            address = _address(entry.contents.address)
            if address:
                yield RawAddress(entry.contents.name.decode(), entry.contents.flags, address)
            entry = entry.contents.next
    finally:
        library.freeifaddrs(head)


def _address(pointer: int | None) -> str:
    """The IPv4 or IPv6 address of a `struct sockaddr`; empty for another family."""
    if not pointer:
        return ""
    # macOS stores the length in the first byte and the family in the second.
    family = (
        ctypes.string_at(pointer, 2)[1]
        if sys.platform == "darwin"
        else int.from_bytes(ctypes.string_at(pointer, 2), sys.byteorder)
    )
    if family == socket.AF_INET:
        return str(ipaddress.IPv4Address(ctypes.string_at(pointer + 4, 4)))
    if family == socket.AF_INET6:
        return str(ipaddress.IPv6Address(ctypes.string_at(pointer + 8, 16)))
    return ""
