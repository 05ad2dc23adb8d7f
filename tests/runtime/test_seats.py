"""What a seat's name may be, and the signature of its link."""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from urllib.parse import parse_qs, urlsplit

import pytest

from runtime import seats

SECRET = "a secret of the class"
# Written down, not computed: a link that was handed out must hold in every later version.
VECTORS = [
    ("s3cret", "anna", "bd483baa836edc4dd890d918b969c76a"),
    ("s3cret", "Anna Maria", "185136e5069b11fecb935a8e4b2e06b7"),
    ("s3cret", "Zoë", "6bd6b82db004a03e52f929d660e3528a"),
    ("s3cret", "Łukasz K", "7ac6a4aa1e4e83676c9c88ec8cdaea1a"),
    ("s3cret", "山田", "b5435e8192e6e86ce7037d1966da5471"),
    ("s3cret", "O'Neil-Smith_2.", "3ed5c2a50857fd215f06805cc88e92d9"),
    ("geheimer Schlüssel", "seat-01", "337812917335ceb447851e88ac7bdf08"),
]
NAMES = [
    "anna",
    "seat-01",
    "Anna Maria",
    "a.b_c-d",
    "Zoë",
    "Łukasz K",
    "O'Neil",
    "山田",
    "नीति",
    "7",
    "x" * 40,
]
OTHERS = [
    "",
    " ",
    "a/b",
    "<b>",
    'a"b',
    "a&b",
    "50%",
    "a,b",
    "a\\b",
    "o'neil; path=/",
    "a\nb",
    "a\tb",
    "a\x00b",
    "\x1b[31mred",
    "a\u202eb",
    "a\u200bb",
    "a\u3164",
    "a\ufe0f",
    "Zoë 💺",
    "anna@example.com",
    "-anna",
    ".",
    "'",
    "\u0301a",
    "a\ud800",
    "x" * 41,
    "x" * 100_000,
]


@pytest.mark.parametrize("name", NAMES)
def test_letters_of_every_language_and_a_few_signs_are_a_name(name: str) -> None:
    """A name that follows the rule is kept as it stands."""
    assert seats.name_of(name) == name


@pytest.mark.parametrize("text", OTHERS)
def test_what_breaks_the_rule_is_no_name(text: str) -> None:
    """It is refused with one printable sentence, and never cut or changed into another student's name."""
    with pytest.raises(seats.NotASeatName, match="is not a seat name") as raised:
        seats.name_of(text)

    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 400
    assert seats.name_or_empty(text) == ""
    assert not seats.verify(SECRET, text, "0" * 32)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("  anna ", "anna"),
        ("anna\n", "anna"),
        ("Anna   Maria", "Anna Maria"),
        ("Anna\u00a0Maria", "Anna Maria"),
        ("Zoe\u0308", "Zoë"),
        ("O\u2019Neil", "O'Neil"),
    ],
)
def test_one_name_typed_in_two_ways_is_one_seat(typed: str, name: str) -> None:
    """Edges, doubled blanks, decomposed letters and a phone's apostrophe make no second student."""
    assert seats.name_of(typed) == name
    assert seats.sign(SECRET, typed) == seats.sign(SECRET, name)
    assert seats.verify(SECRET, typed, seats.sign(SECRET, name))


@pytest.mark.parametrize(("secret", "name", "signature"), VECTORS)
def test_signatures_do_not_change_from_version_to_version(secret: str, name: str, signature: str) -> None:
    """32 hexadecimal digits of HMAC-SHA256 over `seat:NAME`, for secrets and names in UTF-8."""
    by_rule = hmac.new(secret.encode(), f"seat:{name}".encode(), hashlib.sha256).hexdigest()[:32]

    assert seats.sign(secret, name) == signature == by_rule
    assert seats.verify(secret, name, f" {signature.upper()} ")


def test_a_signature_holds_for_its_name_and_secret_alone() -> None:
    """Another case, name, secret or length is another link."""
    signature = seats.sign(SECRET, "Anna")

    assert not seats.verify(SECRET, "anna", signature)
    assert not seats.verify("other", "Anna", signature)
    for wrong in ("", signature[:-1], signature + "0", "ü" * 32, "\ud800" * 32):
        assert not seats.verify(SECRET, "Anna", wrong), wrong


@pytest.mark.parametrize("name", NAMES)
def test_a_link_carries_name_and_signature_through_the_address(name: str) -> None:
    """What the shop reads from the address is what was signed; an open class has no signature."""
    query = parse_qs(urlsplit(seats.link("http://shop.test:8080", name, SECRET)).query)

    assert query == {"seat": [name], "sig": [seats.sign(SECRET, name)]}
    assert "sig" not in seats.link("http://shop.test:8080", name)
    assert seats.link("http://shop.test:8080", name).isascii()


def test_every_accepted_name_is_accepted_again_unchanged() -> None:
    """The rule is stable: for each character of Unicode's first planes, a name is its own normal form."""
    for code in range(0x3_0000):
        name = seats.name_or_empty(f"a{chr(code)}b")
        if name:
            assert seats.name_of(name) == name
            assert unicodedata.is_normalized("NFC", name)
            assert name.isprintable()


@pytest.mark.parametrize("name", [*NAMES, "a.b", "a.", "a.0123456789abcdef0123456789abcdef"])
def test_a_cookie_keeps_the_seat_and_no_other(name: str) -> None:
    """Signed in a class, bare in an open lab; safe in a header whatever the name's script."""
    wanted = seats.name_of(name)
    signed, bare = seats.cookie_value(name, SECRET), seats.cookie_value(name)

    assert seats.seat_of_cookie(signed, SECRET) == seats.seat_of_cookie(bare) == wanted
    assert signed == f"{bare}.{seats.sign(SECRET, name)}"
    assert re.fullmatch(r"[A-Za-z0-9%_~.-]+", signed)
    assert seats.seat_of_cookie(bare, SECRET) == ""
    assert seats.seat_of_cookie(signed, "another secret") == ""
    assert seats.seat_of_cookie(signed) == wanted, "an open lab looks at no signature"


@pytest.mark.parametrize(
    "value", ["", ".", "anna.", "%00", "<b>", " anna", "an%20%20na", "anna%2E", "\ud800", "%ff", "a" * 9000]
)
def test_a_cookie_that_we_did_not_write_keeps_no_seat(value: str) -> None:
    """In a class nothing but name and signature; a name has one spelling."""
    assert seats.seat_of_cookie(value, SECRET) == ""


def test_the_labs_own_seats_are_known_by_name() -> None:
    """Its proofs shop under a seat, too, and are no students."""
    assert [
        name
        for name in ("lab-probe", "verify-01ab", "lab-probes", "very", "anna")
        if seats.is_of_the_lab(name)
    ] == [
        "lab-probe",
        "verify-01ab",
    ]


def test_a_generation_voids_what_was_signed_before() -> None:
    """Links and cookies of another generation are not valid, and are known as what they were."""
    for signed, now in ((0, 1), (1, 2), (0, 2), (2, 1)):
        signature = seats.sign(SECRET, "anna", signed)
        assert not seats.verify(SECRET, "anna", signature, now)
        assert seats.was_valid(SECRET, "anna", signature, now) is (signed < now)
        cookie = seats.cookie_value("anna", SECRET, signed)
        assert seats.seat_of_cookie(cookie, SECRET, of(now)) == ""
        assert seats.freed_seat_of_cookie(cookie, SECRET, of(now)) == ("anna" if signed < now else "")
    assert seats.verify(SECRET, "anna", seats.sign(SECRET, "anna", 7), 7)
    assert seats.seat_of_cookie(seats.cookie_value("anna", SECRET, 7), SECRET, lambda _: 7) == "anna"
    assert "sig=" + seats.sign(SECRET, "anna", 7) in seats.link("", "anna", SECRET, generation=7)


def test_the_first_generation_is_signed_as_before_there_were_any() -> None:
    """Links that were printed stay good."""
    assert seats.sign(SECRET, "anna", 0) == seats.sign(SECRET, "anna")


def test_a_seat_whose_generation_is_unknown_is_given_to_nobody() -> None:
    cookie = seats.cookie_value("anna", SECRET)
    assert seats.seat_of_cookie(cookie, SECRET, lambda _: None) == ""
    assert not seats.verify(SECRET, "anna", seats.sign(SECRET, "anna"), None)
    assert not seats.was_valid(SECRET, "anna", seats.sign(SECRET, "anna"), None)


def test_another_seats_generation_signs_nothing() -> None:
    """No name can be made that reads like a name and its generation."""
    assert not seats.verify(SECRET, "anna:1", seats.sign(SECRET, "anna", 1), 0)


def of(generation: int) -> seats.GenerationOf:
    """Every seat is of this generation."""
    return lambda _name: generation
