"""What is accepted as a host or base address, and how a neighbour's address follows the reader."""

from __future__ import annotations

import pytest

from runtime.addresses import NotAnAddress, as_reached, base_address, host_of, is_loopback

HOSTILE = [
    "",
    " ",
    ":8090",
    "evil.example/<script>",
    'a"onmouseover="x',
    "<b>",
    "javascript:alert(1)",
    "user@evil.example",
    "evil.example#x",
    "evil.example?x",
    "evil.example\\@good.example",
    "evil.example evil.example",
    "evil\n.example",
    "evil\x00.example",
    "evil.example\t",
    "evil.example:",
    "evil.example:0",
    "evil.example:65536",
    "evil.example:80:80",
    "evil.example:8o",
    "evil.example:\u0661",
    "evil..example",
    ".evil.example",
    "-evil.example",
    "evil-.example",
    "evil_.example",
    "évil.example",
    "1.2.3",
    "256.1.1.1",
    "0x7f.0.0.1",
    "127.0.0.01",
    "a.0x7f000001",
    "2130706433",
    "[::1",
    "::1",
    "[::1]8090",
    "[::1]:",
    "[fe80::1%eth0]",
    "[127.0.0.1]",
    "[evil.example]",
    "x" * 64,
    ".".join(["abcd"] * 60),
    "x" * 100_000,
]


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("127.0.0.1:8090", "127.0.0.1"),
        ("localhost", "localhost"),
        ("LocalHost:8090", "localhost"),
        ("192.168.1.20:8090", "192.168.1.20"),
        ("lab-7.school.example.:80", "lab-7.school.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("[::1]:8090", "[::1]"),
        ("[2001:DB8:0::7]", "[2001:db8::7]"),
    ],
)
def test_a_host_is_read_from_a_header(header: str, host: str) -> None:
    """Names and IP literals, in one spelling; the port belongs to the screens and is left out."""
    assert host_of(header) == host


@pytest.mark.parametrize("header", HOSTILE)
def test_anything_else_is_no_host(header: str) -> None:
    """It is never put into a link."""
    assert host_of(header) == ""
    assert as_reached("http://127.0.0.1:8080", header, "0.0.0.0") == "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("url", "header", "listen", "reached"),
    [
        ("http://127.0.0.1:8080", "192.168.1.20:8090", "0.0.0.0", "http://192.168.1.20:8080"),
        ("http://127.0.0.1:8080", "192.168.1.20:8090", "", "http://192.168.1.20:8080"),
        ("http://127.0.0.1:8080", "lab.example", "::", "http://lab.example:8080"),
        ("http://127.0.0.1:8080", "[2001:db8::7]:8090", "::", "http://[2001:db8::7]:8080"),
        ("http://127.0.0.1:8080", "localhost:8090", "0.0.0.0", "http://localhost:8080"),
        ("http://127.0.0.1:8080", "localhost:8090", "127.0.0.1", "http://localhost:8080"),
        ("http://127.0.0.1:8080", "127.0.0.1:8090", "127.0.0.1", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "[::1]:8090", "::1", "http://[::1]:8080"),
        ("http://localhost:8080", "192.168.1.20:8090", "0.0.0.0", "http://192.168.1.20:8080"),
        ("127.0.0.1:4317", "192.168.1.20:8090", "0.0.0.0", "192.168.1.20:4317"),
        ("[::1]:4317", "192.168.1.20", "::", "192.168.1.20:4317"),
        ("http://127.0.0.1", "192.168.1.20", "0.0.0.0", "http://192.168.1.20"),
        # Bound to loopback alone: no other name leads here, so none is followed.
        ("http://127.0.0.1:8080", "evil.example:8090", "127.0.0.1", "http://127.0.0.1:8080"),
        ("http://127.0.0.1:8080", "192.168.1.20:8090", "127.0.0.2", "http://127.0.0.1:8080"),
        # Chosen by a person: a shop that is elsewhere.
        ("http://192.168.1.5:8080", "localhost:8090", "0.0.0.0", "http://192.168.1.5:8080"),
        ("https://shop.example.org", "192.168.1.20", "0.0.0.0", "https://shop.example.org"),
        ("", "192.168.1.20", "0.0.0.0", ""),
    ],
)
def test_a_neighbour_is_where_the_reader_came(url: str, header: str, listen: str, reached: str) -> None:
    """Loopback becomes the reader's host, the port stays the neighbour's."""
    assert as_reached(url, header, listen) == reached


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("http://shop.example.org", "http://shop.example.org"),
        (" HTTPS://Shop.Example.org:8443/ ", "https://shop.example.org:8443"),
        ("http://192.168.1.20:8080", "http://192.168.1.20:8080"),
        ("http://[2001:db8::7]:8080", "http://[2001:db8::7]:8080"),
        ("http://[2001:db8::7]", "http://[2001:db8::7]"),
    ],
)
def test_a_base_address_has_one_spelling(text: str, address: str) -> None:
    """Scheme and host in small letters, no slash at the end."""
    assert base_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "shop.example.org",
        "ftp://shop.example.org",
        "javascript://shop.example.org",
        "http://",
        "http:///",
        "http://shop.example.org/shop",
        "http://shop.example.org//",
        "http://shop.example.org?x=1",
        "http://shop.example.org#x",
        *(f"http://{host}" for host in HOSTILE if host and host == host.strip()),
    ],
)
def test_what_is_no_base_address_is_refused(text: str) -> None:
    """With one printable sentence and a remedy."""
    with pytest.raises(NotAnAddress, match="is not the base address") as raised:
        base_address(text)

    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 600


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("lab.localhost", True),
        ("127.8.9.1", True),
        ("[::1]", True),
        ("::1", True),
        ("192.168.1.20", False),
        ("localhost.example.org", False),
        ("0.0.0.0", False),
    ],
)
def test_loopback_is_known_by_its_names(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
