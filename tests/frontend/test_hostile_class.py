"""Class mode against a hostile class: seats, beacons, hosts and flags that are not the visitor's."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from runtime import seats
from tests.frontend.fakes import FakeShop, fake_shop, text
from tests.frontend.test_relay import Receiver
from tests.frontend.test_visits import cookies_of

SECRET = "a secret of the class"
GHOSTS = 5_000
NAMES = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a</script>",
    "'; DROP TABLE seats",
    "&lt;b&gt;",
)


@pytest.fixture(name="receiver")
def _receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(name="shop")
def _shop(tmp_path: Path, receiver: Receiver) -> FakeShop:
    return class_shop(tmp_path, RUM_BEACON_URL=receiver.url)


def class_shop(folder: Path, **environ: str) -> FakeShop:
    return fake_shop(folder, None, SEAT_SECRET=SECRET, **environ)


def sit(shop: FakeShop, name: str) -> None:
    """Give the client of a shop the cookie of a seat."""
    shop.client.set_cookie(seats.COOKIE, seats.cookie_value(name, SECRET))


def zipkin(*names: str | None) -> list[dict[str, Any]]:
    """A beacon with a span for each seat; None is a span without one."""
    return [
        {
            "traceId": f"{n:032x}",
            "id": f"{n:016x}",
            "name": "click",
            "tags": {"enduser.id": name} if name else {},
        }
        for n, name in enumerate(names, 1)
    ]


def otlp_span(seat: object = None, key: str = "stringValue") -> dict[str, Any]:
    attributes: list[dict[str, Any]] = [{"key": "app", "value": {"stringValue": "shop"}}]
    if seat is not None:
        attributes.append({"key": "enduser.id", "value": {key: seat}})
    return {"spanId": "00f067aa0ba902b7", "name": "click", "attributes": attributes}


def otlp(*spans: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "rum"}, "spans": list(spans), **more}]}]}


def test_no_cookie_is_no_seat(shop: FakeShop) -> None:
    """Whoever has no cookie shops without a seat, whatever the request says besides."""
    for path in ("/", "/cart"):
        page = shop.get(path, headers={"baggage": "workshop.seat=anna", "X-Seat": "anna"})
        assert text(page, ".seat-fixed").startswith("No seat")
    assert {shopper.seat for shopper in shop.world.baggage} == {""}


@pytest.mark.parametrize(
    "cookie",
    [
        "anna",
        "anna.",
        f"anna.{'0' * 32}",
        f"anna.{seats.sign('another secret', 'anna')}",
        f"bert.{seats.sign(SECRET, 'anna')}",
        f"anna%2E{seats.sign(SECRET, 'anna')}",
        f"anna.{seats.sign(SECRET, 'anna')}.bert",
        f"ann\u0061\u0301.{seats.sign(SECRET, 'anna')}",
    ],
)
def test_a_forged_or_foreign_cookie_seats_nobody(shop: FakeShop, cookie: str) -> None:
    """Only name and signature together are a seat."""
    shop.client.set_cookie(seats.COOKIE, cookie)
    assert text(shop.get("/"), ".seat-fixed").startswith("No seat")
    assert {shopper.seat for shopper in shop.world.baggage} == {""}


def test_cookies_of_older_versions_are_ignored(shop: FakeShop) -> None:
    """Neither the shop's former cookie nor that of the screens gives a seat."""
    signature = seats.sign(SECRET, "anna")
    for name, value in (("shop_seat", f"anna:{signature}"), ("seat", "anna")):
        shop.client.set_cookie(name, value)
    assert text(shop.get("/"), ".seat-fixed").startswith("No seat")


def test_a_seat_cannot_act_for_another(shop: FakeShop) -> None:
    """With the cookie of one seat, an unsigned link or a signature of one's own changes nothing."""
    sit(shop, "anna")
    for query in ("seat=bert", f"seat=bert&sig={seats.sign(SECRET, 'anna')}", "seat=bert&sig="):
        answer = shop.client.get(f"/?{query}")
        assert answer.status_code == 403, query
        assert seats.COOKIE not in cookies_of(answer)
    shop.world.baggage.clear()
    assert text(shop.get("/"), ".seat-fixed") == "Seat anna"
    assert {shopper.seat for shopper in shop.world.baggage} == {"anna"}


def test_ones_own_name_unsigned_is_no_offence(shop: FakeShop) -> None:
    """A lesson's address may name the seat that one has anyway."""
    sit(shop, "anna")
    assert text(shop.get("/?seat=anna"), ".seat-fixed") == "Seat anna"


def test_a_signed_link_sets_a_cookie_that_no_script_reads(shop: FakeShop) -> None:
    """HttpOnly, SameSite=Lax, for every path, with a signature; then the address is clean."""
    answer = shop.client.get(f"/?seat=a.b&sig={seats.sign(SECRET, 'a.b')}")
    cookie = cookies_of(answer)[seats.COOKIE]
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert cookie.startswith(f"workshop_seat=a%2Eb.{seats.sign(SECRET, 'a.b')};")
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age="))


def test_a_visitor_without_a_seat_is_led_to_the_screens(tmp_path: Path) -> None:
    """By the host by which the visitor came; the refusal has the same link."""
    shop = class_shop(tmp_path, OBSERVER_PUBLIC_URL="http://127.0.0.1:8090", LISTEN_ADDR="0.0.0.0")
    there = "http://192.168.1.20:8090/join"
    headers = {"Host": "192.168.1.20:8080"}
    assert f'href="{there}"' in shop.client.get("/", headers=headers).text
    refused = shop.client.get("/?seat=anna", headers=headers)
    assert refused.status_code == 403
    assert f'href="{there}"' in refused.text.partition("<main")[2]


@pytest.mark.parametrize("name", NAMES)
def test_markup_in_a_name_is_never_markup(shop: FakeShop, tmp_path: Path, name: str) -> None:
    """Neither in class mode nor in the open one does a page repeat it."""
    (tmp_path / "open").mkdir()
    for client in (shop.client, fake_shop(tmp_path / "open").client):
        answer = client.get(f"/?seat={quote(name)}")
        assert answer.status_code in (400, 403)
        assert name not in answer.text


def test_thousands_of_beacons_for_seats_that_do_not_exist_make_nothing(
    shop: FakeShop, receiver: Receiver
) -> None:
    """They are answered as success, are counted, reach no receiver, and the log says so once."""
    beacons = [json.dumps(zipkin(f"ghost-{n}", f"ghost-{n}")).encode() for n in range(GHOSTS)]
    assert {shop.client.post("/v1/rum", data=body).status_code for body in beacons} == {200}
    assert receiver.got == []
    assert shop.app.extensions["shop"].beacon_filter.dropped_spans == 2 * GHOSTS
    assert shop.log.getvalue().count("not the visitor's were dropped") == 1
    sit(shop, "anna")
    assert (
        shop.client.post("/v1/rum", json=zipkin("ghost-1", "anna", None, "Anna", "anna ")).status_code == 200
    )
    [(_, _, body)] = receiver.got
    assert [span["tags"] for span in json.loads(body)] == [{"enduser.id": "anna"}, {}]


@pytest.mark.parametrize("seat", ["anna", ""])
def test_otlp_is_filtered_alike(shop: FakeShop, receiver: Receiver, seat: str) -> None:
    """Spans, scopes and resources of another seat are dropped, whichever way the name is written."""
    if seat:
        sit(shop, seat)
    ghost = [{"key": "enduser.id", "value": {"stringValue": "bert"}}]
    spans = (
        otlp_span("anna"),
        otlp_span(),
        otlp_span("bert"),
        otlp_span("bert", "string_value"),
        otlp_span(7, "intValue"),
    )
    document = otlp(*spans, scope_spans=[], spans_=[])
    document["resourceSpans"] += otlp(otlp_span("anna"))["resourceSpans"]
    document["resourceSpans"][1]["resource"] = {"attributes": ghost}
    document["resourceSpans"] += otlp(otlp_span("anna"), scope={"attributes": ghost})["resourceSpans"]
    document["resource_spans"] = otlp(otlp_span("bert"))["resourceSpans"]

    assert shop.client.post("/v1/rumotlp", json=document).status_code == 200
    [(path, content_type, body)] = receiver.got
    found = json.loads(body)
    assert (path, content_type) == ("/v1/rumotlp", "application/json")
    assert b"bert" not in body
    assert list(found) == ["resourceSpans"]
    names = [
        len(s["attributes"]) for g in found["resourceSpans"] for c in g["scopeSpans"] for s in c["spans"]
    ]
    assert names == ([2, 1] if seat else [1])


@pytest.mark.parametrize("spelling", ["instrumentationLibrarySpans", "scope_spans"])
def test_no_older_name_of_a_list_slips_through(shop: FakeShop, receiver: Receiver, spelling: str) -> None:
    """The receiver reads the names of before 2022, too; a seat may stand in their libraries."""
    sit(shop, "anna")
    ghost = [{"key": "enduser.id", "value": {"stringValue": "bert"}}]
    scopes = [
        {"instrumentationLibrary": {"name": "rum"}, "spans": [otlp_span("anna"), otlp_span("bert")]},
        {"instrumentationLibrary": {"attributes": ghost}, "spans": [otlp_span("anna")]},
    ]
    assert shop.client.post("/v1/rumotlp", json={"resource_spans": [{spelling: scopes}]}).status_code == 200
    [(_, _, body)] = receiver.got
    assert b"bert" not in body
    (group,) = json.loads(body)["resourceSpans"]
    (scope,) = group["scopeSpans"]
    assert (scope["instrumentationLibrary"], len(scope["spans"])) == ({"name": "rum"}, 1)


def test_what_the_receiver_would_refuse_is_left_to_it(shop: FakeShop, receiver: Receiver) -> None:
    """One bad part costs a beacon nothing here; names without content let the receiver say what is wrong."""
    sit(shop, "anna")
    document = otlp({**otlp_span("anna"), "name": "cut \ud83d"}, 7)  # type: ignore[arg-type]
    document["resourceSpans"] += [None, {"scopeSpans": [None]}, {"odd": [otlp_span("bert")]}]
    body = json.dumps(document | {"other": {"secret": "bert"}}).encode()
    assert shop.client.post("/v1/rumotlp", data=body).status_code == 200
    assert shop.client.post("/v1/rumotlp", json={"one": "bert"}).status_code == 200
    (_, _, first), (_, _, second) = receiver.got
    found = json.loads(first)
    assert found["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"] == "cut \ud83d"
    assert found["resourceSpans"][1:] == [None, {"scopeSpans": [None]}, {"odd": None}]
    assert (found["other"], b"bert" in first, json.loads(second)) == (None, False, {"one": None})


@pytest.mark.parametrize(
    "twice", [b'{"enduser.id":"anna","enduser.id":"bert"}', b'{"enduser\\u002eid":"bert"}']
)
def test_no_spelling_of_a_name_slips_through(shop: FakeShop, receiver: Receiver, twice: bytes) -> None:
    """A key that is given twice or escaped is read once, here and by the receiver."""
    sit(shop, "anna")
    assert shop.client.post("/v1/rum", data=b'[{"id":"1","tags":' + twice + b"}]").status_code == 200
    assert receiver.got == []


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/v1/rum", b"not json", {}, 400),
        ("/v1/rum", b"{}", {}, 400),
        ("/v1/rum", b"[" * 100_000, {}, 400),
        ("/v1/rum", b'[{"tags":' + b"[" * 600 + b"]" * 600 + b"}]", {}, 400),
        ("/v1/rum", gzip.compress(b"[]", mtime=0), {"Content-Encoding": "gzip"}, 415),
        ("/v1/rum", b"x" * (1024 * 1024 + 1), {}, 413),
        ("/v1/rumotlp", b"[]", {}, 400),
        ("/v1/rumotlp", b'{"resourceSpans":{}}', {}, 400),
        ("/v1/rumotlp", b'{"resourceSpans":[1]}', {}, 400),
        ("/v1/rumotlp", b"\x0a\x00", {"Content-Type": "application/x-protobuf"}, 400),
    ],
)
def test_what_cannot_be_read_is_not_passed_on(
    shop: FakeShop, receiver: Receiver, path: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    """A body that hides what is in it is refused."""
    assert shop.client.post(path, data=body, headers=headers).status_code == status
    assert receiver.got == []


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "", "x@localhost", "1.2"]
)
@pytest.mark.parametrize("path", ["/", "/static/shop.css", "/_healthz", "/v1/rum"])
def test_a_foreign_host_is_not_answered(shop: FakeShop, host: str, path: str) -> None:
    """DNS rebinding ends here: nothing of the shop, and one sentence."""
    answer = shop.client.get(path, headers={"Host": host})
    assert answer.status_code == 421
    assert "by the address you were given" in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert shop.world.calls == []


def test_the_hosts_of_the_class_are_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """IP literals, names of loopback, this machine's own, and that of the public address."""
    monkeypatch.setattr("socket.gethostname", lambda: "Teachers-Mac.school.example")
    shop = class_shop(tmp_path, SHOP_PUBLIC_URL="https://shop.example.org")
    for host in (
        "192.168.1.20:8080", "[2001:db8::7]:8080", "localhost", "shop.localhost:8080",
        "teachers-mac.school.example:8080", "teachers-mac", "teachers-mac.local:8080", "shop.example.org",
    ):  # fmt: skip
        assert shop.client.get("/", headers={"Host": host}).status_code == 200, host
    assert fake_shop(tmp_path).client.get("/", headers={"Host": "any.example"}).status_code == 200, (
        "open mode"
    )


def test_the_flags_are_for_the_holder_of_the_token(tmp_path: Path) -> None:
    """A student who asks for them finds no page; without a token everyone may look, as before."""
    shop = class_shop(tmp_path, LAB_TOKEN="t0ken")
    for given in ("", "Bearer ", "Bearer wrong", "t0ken", "Basic t0ken", "Bearer t0ken\u00fc"):
        assert shop.client.get("/_flags", headers={"Authorization": given}).status_code == 404, given
    answer = shop.client.get("/_flags", headers={"Authorization": "Bearer t0ken"})
    assert answer.json is not None
    assert answer.json["flags"][0]["key"] == "cart_price_typo"
    assert fake_shop(tmp_path).client.get("/_flags").status_code == 200


def test_starting_over_keeps_what_belongs_to_the_screens(shop: FakeShop) -> None:
    """On one host a browser sends the cookies of the screens to the shop, too."""
    for name in ("workshop_desk", "theme", "other"):
        shop.client.set_cookie(name, "x")
    assert {"workshop_desk", "theme"}.isdisjoint(cookies_of(shop.client.get("/logout")))


def test_starting_over_keeps_the_seat_and_begins_a_new_session(shop: FakeShop) -> None:
    """Who wants a fresh session in a class must not lose the seat; the page says so."""
    shop.client.get(f"/?seat=anna&sig={seats.sign(SECRET, 'anna')}")
    page = shop.client.get("/")
    assert "your seat stays" in page.text
    shop.client.set_cookie("_splunk_rum_sid", "x")
    forgotten = cookies_of(shop.client.get("/logout"))
    assert seats.COOKIE not in forgotten
    assert {"shop_session-id", "_splunk_rum_sid"} <= forgotten.keys()
    assert text(shop.get("/"), ".seat-fixed") == "Seat anna"


def test_without_a_seat_a_class_asks_to_join_first(tmp_path: Path) -> None:
    """On every page, with the way there, and no order is taken; synthetic shoppers need no seat."""
    shop = class_shop(tmp_path, OBSERVER_PUBLIC_URL="http://127.0.0.1:8090", LISTEN_ADDR="0.0.0.0")
    for path in ("/", "/cart", "/nowhere"):
        answer = shop.client.get(path).text
        assert "Join first." in answer
        assert ":8090/join" in answer.partition("join-first")[2].partition("</p>")[0]
    refused = shop.client.post("/cart/checkout", data={})
    assert refused.status_code == 403
    assert ":8090/join" in refused.text.partition("error-title")[2]
    assert shop.client.post("/cart/checkout", data={}, headers={"X-Synthetic": "1"}).status_code == 422
    shop.client.get(f"/?seat=anna&sig={seats.sign(SECRET, 'anna')}")
    assert "Join first" not in shop.client.get("/").text
    assert shop.client.post("/cart/checkout", data={}).status_code == 422
