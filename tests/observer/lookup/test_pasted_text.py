"""What is found in a pasted text."""

from __future__ import annotations

import base64

import pytest

from observer.lookup import pasted_text

TRACE = "5b8efff798038103d269b633813fc60c"
SPAN = "eee19b7ec3c1b174"


@pytest.mark.parametrize(
    "header",
    [
        f"00-{TRACE}-{SPAN}-01",
        f'traceparent;desc="00-{TRACE}-{SPAN}-01"',
        f'Server-Timing: cdn;dur=3, traceparent;desc="00-{TRACE}-{SPAN}-01", db;dur=5',
        f"TRACEPARENT: 00-{TRACE.upper()}-{SPAN.upper()}-01",
        f"traceparent%3Bdesc%3D%2200-{TRACE}-{SPAN}-01%22",
        f"b3: {TRACE}-{SPAN}-1",
        f"uber-trace-id: {TRACE}:{SPAN}:0:1",
        f"curl -H 'traceparent: 00-{TRACE}-{SPAN}-01' http://shop/cart",
    ],
)
def test_a_header_names_a_trace_and_a_span(header: str) -> None:
    assert pasted_text.read(header).pairs == ((TRACE, SPAN),)


@pytest.mark.parametrize(
    "text",
    [
        TRACE,
        f" {TRACE.upper()}\n",
        f"0x{TRACE}",
        f"trace_id={TRACE} span",
        f'{{"traceId":"{TRACE}"}}',
        "5b8efff7-9803-8103-d269-b633813fc60c",
        "{5B8EFFF7-9803-8103-D269-B633813FC60C}",
        "Root=1-5b8efff7-98038103d269b633813fc60c;Sampled=1",
        base64.b64encode(bytes.fromhex(TRACE)).decode(),
        base64.b64encode(bytes.fromhex(TRACE)).decode().rstrip("="),
        base64.urlsafe_b64encode(bytes.fromhex(TRACE)).decode(),
        f"\u200b{TRACE[:16]}\u00ad{TRACE[16:]}\ufeff",
    ],
)
def test_an_id_is_read_in_whatever_spelling(text: str) -> None:
    assert pasted_text.read(text).ids[0] == TRACE


def test_a_plus_of_base64_that_became_a_blank_is_read() -> None:
    data = bytes.fromhex("fa23dd1537890d7f")
    assert pasted_text.read(base64.b64encode(data).decode().replace("+", " ")).ids == (data.hex(),)


@pytest.mark.parametrize(
    ("text", "digits"), [("5B8EFFF7", "5b8efff7"), ("0x5b8eff", "5b8eff"), ("5b8ef", ""), ("anna", "")]
)
def test_some_digits_are_a_part_of_an_id(text: str, digits: str) -> None:
    assert pasted_text.read(text).digits == digits


@pytest.mark.parametrize(
    ("link", "page"),
    [
        (f"http://127.0.0.1:8090/apm/traces/{TRACE}?span={SPAN}#s-1", f"/apm/traces/{TRACE}?span={SPAN}"),
        (f"https://lab.example/prefix/logs?trace_id={TRACE}&since=1h", f"/logs?trace_id={TRACE}&since=1h"),
        ("<http://h/rum/sessions/a%2Fb>", "/rum/sessions/a%2Fb"),
        ("/apm?service=x", "/apm?service=x"),
        ("http://h/apm", "/apm"),
        ("http://shop.example/cart/checkout", ""),
        ("//evil.example/apm", "/apm"),
        ("javascript:alert(1)//apm/", ""),
        ("http://h//evil.example/apm/x", "/apm/x"),
        ("http://h/api/v1/apm/traces", ""),
        ("http://h/apm/\\evil", ""),
        ("http://h/apmx", ""),
        ("http://[broken/apm", ""),
        ("apm/traces", ""),
    ],
)
def test_a_link_to_these_screens_is_its_path_and_nothing_of_its_host(link: str, page: str) -> None:
    assert pasted_text.read(link).page == page
    assert not page.startswith("//")


@pytest.mark.parametrize(
    "text", ["", " ", "\0", "\ud800", "-" * 5_000, "=" * 30, "%" * 300, "0" * 32, "a/" * 900]
)
def test_odd_texts_hold_nothing(text: str) -> None:
    found = pasted_text.read(text)
    assert not found.pairs
    assert not found.ids
    assert not found.page
