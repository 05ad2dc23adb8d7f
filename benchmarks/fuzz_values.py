"""Values, addresses and header fields of the fuzz run: what somebody did not think of."""

from __future__ import annotations

CONTENT_TYPES = (
    "application/json",
    "application/x-protobuf",
    "text/plain",
    "",
    "application/json; charset=utf-16",
    "x",
)
FORM = "application/x-www-form-urlencoded"
ODD: tuple[bytes, ...] = (
    b"", b"0", b"-1", b"1e999", b"NaN", b"true", b"null", b"9" * 30, b"9" * 5_000, b"0x10", b"1.5", b" ",
    b"\x00", b"a\x00b", b"\xff\xfe", b"\xed\xa0\x80", b"\xf0\x9f\x92\xa9", b"\xe2\x80\xae", b"e\xcc\x81",
    b"%", b"%%", b"'", b'"', b"`", b"\\", b"' OR 1=1 --", b"<script>alert(1)</script>", b"{{7*7}}",
    b"../../etc/passwd", b"//evil.example", b"a" * 10_000, b"*", b"(", b"a:b:c", b":", b"a:", b"[",
    b"\r\nSet-Cookie: a=b", b"15m", b"6h", b"366d", b"0s", b"2026-11-23T14:03:27Z", b"1999",
    b"2199-01-01", b"error", b"origin", b"client", b"payment", b"paymentservice", b"USD", b"JPY", b"XXX",
    b"9SIQT8TOJO", b"0" * 32, b"f" * 16,
)  # fmt: skip
ARGUMENTS = (
    "since", "from", "to", "env", "service", "attr", "exclude", "q", "limit", "cursor", "sort", "error",
    "severity", "trace_id", "span", "min_ms", "max_ms", "id", "seat", "sig", "tag", "metric", "log",
    "apm", "event", "fold", "unfold", "window", "_explain", "operation", "page", "app", "version",
    "kind", "status", "theme", "next", "name",
)  # fmt: skip
PAGES = (
    "/", "/apm", "/apm/services", "/apm/services/{}", "/apm/tags", "/apm/traces", "/apm/traces/{}",
    "/apm/traces/updates", "/rum", "/rum/tags", "/rum/sessions", "/rum/sessions/{}",
    "/rum/sessions/{}/apm/{}", "/logs", "/logs/rows", "/logs/{}", "/workshop", "/workshop/{}", "/search",
    "/join", "/sign-in", "/desk", "/desk/{}", "/-/keys", "/-/{}", "/static/{}", "/{}", "/healthz",
)  # fmt: skip
FORMS = (
    "/-/theme",
    "/join",
    "/sign-in",
    "/desk/action",
    "/workshop/answer",
    "/-/message/dismiss",
    "/workshop/repair",
)
FORM_FIELDS = (
    "theme",
    "next",
    "code",
    "passcode",
    "name",
    "seat",
    "action",
    "id",
    "answer",
    "step",
    "seats",
    "zone",
)
SHOP_PAGES = (
    "/",
    "/product/{}",
    "/cart",
    "/static/{}",
    "/{}",
    "/robots.txt",
    "/_healthz",
    "/_flags",
    "/logout",
)
CHECKOUT = (
    "email", "street_address", "zip_code", "city", "state", "country", "credit_card_number",
    "credit_card_expiration_month", "credit_card_expiration_year", "credit_card_cvv",
)  # fmt: skip
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "BREW", "get", "")
RAW_HEADERS = (
    b"Content-Length: 5", b"Content-Length: 0", b"Content-Length: -5", b"Content-Length: 99999999999",
    b"Content-Length: " + b"9" * 5_000, b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip",
    b"Transfer-Encoding : chunked", b"Expect: 100-continue", b"Connection: close",
    b"Connection: keep-alive", b"Upgrade: h2c", b": empty", b"NoColon", b" folded",
    b"A: " + b"b" * 9_000, b"X-Forwarded-Prefix: /p", b"X-Forwarded-For: <x>",
    b"Cookie: " + b"a=b; " * 200, b"traceparent: 00-zz-zz-01", b"baggage: a=b", b"Range: bytes=0-",
    b"Origin: null",
)  # fmt: skip
