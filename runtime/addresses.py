"""Addresses that come from outside: the host a reader asked for, and a base address that a person typed.

Strict, because what is accepted here is put into links: anything but a host name or IP literal is refused.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import urlsplit

LONGEST_NAME = 253
WILDCARDS = frozenset({"", "0.0.0.0", "::"})
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_PATH_PART = re.compile(r"[A-Za-z0-9._~-]{1,100}")
_PORT = re.compile(r"[0-9]{1,5}")


class NotAnAddress(ValueError):
    """A text that is not a base address; `str()` is one sentence for people, `remedy` says what is."""

    remedy = "Give http:// or https://, a host and if need be a port, such as https://shop.example.org:8443."

    def __init__(self, text: str) -> None:
        shown = text if len(text) <= 80 else f"{text[:80]}..."
        super().__init__(f"{shown!a} is not the base address of a shop.")


def host_of(header: str) -> str:
    """The host of a `Host` header, as an address has it (`[::1]` for IPv6); empty when it is malformed.

    The port is checked and left out. Names are in small letters, without a dot at the end.
    """
    if header.startswith("["):
        literal, bracket, rest = header[1:].partition("]")
        host = _ipv6(literal) if bracket else ""
        port = rest.removeprefix(":") if rest else None
        if rest and not rest.startswith(":"):
            return ""
    else:
        name, colon, digits = header.partition(":")
        host, port = _name_or_ipv4(name), digits if colon else None
    return host if host and (port is None or _is_port(port)) else ""


def base_address(text: str) -> str:
    """`http(s)://host[:port]`, without a slash at the end, from such a text. Raises NotAnAddress."""
    scheme, separator, rest = text.strip().partition("://")
    authority = rest.removesuffix("/")
    host = host_of(authority)
    if scheme.lower() not in ("http", "https") or not separator or not host:
        raise NotAnAddress(text)
    port = authority.rpartition("]")[2].rpartition(":")[2] if ":" in authority.rpartition("]")[2] else ""
    return f"{scheme.lower()}://{host}:{int(port)}" if port else f"{scheme.lower()}://{host}"


def public_address(text: str) -> str:
    """As `base_address`, with a path if need be: where a proxy serves us. Raises NotAnAddress."""
    scheme, separator, rest = text.strip().partition("://")
    authority, _, path = rest.partition("/")
    base = base_address(f"{scheme}{separator}{authority}")
    parts = path.rstrip("/").split("/") if path.rstrip("/") else []
    if not all(_PATH_PART.fullmatch(part) and part not in (".", "..") for part in parts):
        raise NotAnAddress(text)
    return "/".join([base, *parts])


def is_loopback(host: str) -> bool:
    """Whether a host, brackets or not, means the machine itself: localhost, 127.0.0.0/8, ::1."""
    bare = host.removeprefix("[").removesuffix("]").lower()
    if bare == "localhost" or bare.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


def is_ip_literal(host: str) -> bool:
    """Whether a host, brackets or not, is an IP address and no name."""
    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def machine_names() -> frozenset[str]:
    """The names of this machine: its host name, the first label of it, and that in `.local` (mDNS)."""
    name = host_of(socket.gethostname())
    first = name.partition(".")[0]
    return frozenset({name, first, f"{first}.local"} if name and not is_ip_literal(name) else ())


def as_reached(url: str, header: str, listen_addr: str) -> str:
    """The address of a neighbour (`http://127.0.0.1:8080` or `127.0.0.1:4317`) as the reader reaches it.

    `header` is the `Host` of the reader's request, `listen_addr` where the asked process listens.
    An address that names this machine by loopback gets the reader's host and keeps its port. Any
    other was chosen by a person and stays. Who listens on loopback only is reached by loopback
    only: another host in the header then comes from a proxy, or from a page that wants to be
    taken for us, and is not followed.
    """
    head, separator, authority = url.rpartition("://")
    known, reader = host_of(authority.partition("/")[0]), host_of(header)
    if not known or not reader or not (is_loopback(known) or known in WILDCARDS):
        return url
    if listen_addr not in WILDCARDS and not is_loopback(reader):
        return url
    port = urlsplit(f"//{authority}").port
    return f"{head}{separator}{reader}" + (f":{port}" if port else "")


def _ipv6(literal: str) -> str:
    try:
        address = ipaddress.IPv6Address(literal)
    except ValueError:
        return ""
    return "" if address.scope_id else f"[{address.compressed}]"


def _name_or_ipv4(text: str) -> str:
    name = text.lower().removesuffix(".")
    if not name or len(name) > LONGEST_NAME:
        return ""
    labels = name.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        return ""
    # Browsers read a name that ends in a number as an IPv4 address, in forms that look like another.
    if labels[-1].isdigit() or labels[-1].startswith("0x"):
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError:
            return ""
    return name


def _is_port(text: str) -> bool:
    return bool(_PORT.fullmatch(text)) and 0 < int(text) <= 65_535
