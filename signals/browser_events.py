"""Meaning of browser spans: sessions, kinds of events, pages, and the RUM metrics that they carry.

Reads the spans of RUM agents (Splunk's, OpenTelemetry's browser packages, and any with
the same attributes), in which every value may be text. Must not know any application,
page or session by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from signals.attributes import (
    environment_of,
    first_of,
    http_method_of,
    http_status_of,
    is_truthy,
    number_of,
    text_of,
    url_of,
)
from signals.model import Attributes

RUM_TAGS: Final[tuple[str, ...]] = (
    "app",
    "environment",
    "app.version",
    "page",
    "operation",
    "browser.name",
    "browser.version",
    "os.name",
    "enduser.id",
    "user_agent.synthetic.type",
    "tenant.level",
    "http.status_code",
)
"""Tags that RUM metrics can be broken down by without a scan. `page`, `operation`, `browser.name`,
`browser.version`, `os.name`, `environment` and `app` are derived: see `rum_tags_of`.

The order is part of the store's file format (`store.sqlite.table_layout.TAG_COLUMNS`).
"""

ERROR_NAMES: Final = frozenset(
    {"onerror", "unhandledrejection", "console.error", "eventlistener.error", "exception", "windowerror"}
)
_ACTION_NAMES: Final = frozenset(
    {"click", "dblclick", "submit", "change", "input", "keydown", "keyup", "keypress", "frustration"}
    | {"mousedown", "mouseup", "touchstart", "touchend", "pointerdown", "pointerup"}
    | {"drag", "drop", "focus", "blur", "scroll"}
)
_VITALS: Final = ("lcp", "inp", "cls")
_FETCH_COMPONENTS: Final = frozenset({"fetch", "xml-http-request", "xmlhttprequest", "xhr"})
_REQUESTS: Final = frozenset({"fetch", "document_fetch", "resource"})
SAMPLED: Final = frozenset(
    {"component", "event_type", "error", "longtask.duration", *_VITALS}
    | {"http.request.method", "http.method", "http.response.status_code", "http.status_code"}
    | {"url.full", "http.url", "url.path", "http.target"}
    | {"error.object", "exception.type", "error.type", "error.message", "exception.message", "message"}
)
"""All the attributes that `rum_samples` and `error_report` read."""
_MAX_TAG_CHARACTERS: Final = 256
_BROWSERS: Final = (
    ("Edge", re.compile(r"Edg(?:e|A|iOS)?/([\d.]+)")),
    ("Opera", re.compile(r"(?:OPR|Opera)/([\d.]+)")),
    ("Samsung Internet", re.compile(r"SamsungBrowser/([\d.]+)")),
    ("Firefox", re.compile(r"(?:Firefox|FxiOS)/([\d.]+)")),
    ("Headless Chrome", re.compile(r"HeadlessChrome/([\d.]+)")),
    ("Chrome", re.compile(r"(?:Chrome|CriOS|Chromium)/([\d.]+)")),
    ("Safari", re.compile(r"Version/([\d.]+).*Safari/")),
)
_SYSTEMS: Final = (
    ("Windows", "Windows"),
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_HEX: Final = re.compile(r"(?=[^0-9]*[0-9])[0-9a-fA-F]{8,}")
_CODE: Final = re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Z]*[A-Z])[0-9A-Z]{8,}")
_LONG: Final = re.compile(r"(?=[^0-9]*[0-9])(?=[^a-zA-Z]*[a-zA-Z])[0-9a-zA-Z_-]{20,}")


_CONSOLE_ERROR: Final = "console.error"
REPEATED_WITHIN_NS: Final = 1_000_000_000
"""A line of the console this close to a thrown error may be about it."""
_UNCAUGHT: Final = re.compile(r"^\s*(?:uncaught\s+)?(?:\(in promise\)\s*)?(?:uncaught\s+)?", re.IGNORECASE)
_LEAST_MESSAGE: Final = 8
"""Characters of a message that is looked for in another: shorter ones are in it by chance."""


class ErrorReport(NamedTuple):
    """An error event, by what it says."""

    start_unix_nano: int
    console: bool
    """A line of the console rather than a thrown error."""
    type: str
    message: str


class RumSample(NamedTuple):
    """One measured value of one RUM metric (`store.api.RumMetric`)."""

    metric: str
    value_ns: int
    """Nanoseconds; for `cls`, which has no unit, the score times 10⁹."""
    failed: bool


OF_BROWSERS: Final[frozenset[str]] = frozenset(
    {"splunk.rumSessionId", "telemetry.sdk.language", "process.runtime.name"}
)
"""The attributes of a span by which `is_browser` tells that a browser made it."""


def is_browser(attributes: Attributes, resource: Attributes) -> bool:
    """Whether a RUM agent made this span, and not a backend."""
    if attributes.get("splunk.rumSessionId"):
        return True
    for bag in (resource, attributes):
        if bag.get("telemetry.sdk.language") == "webjs" or bag.get("process.runtime.name") == "browser":
            return True
    return any(name.startswith("browser.") for name in resource)


def session_of(attributes: Attributes, resource: Attributes) -> str:
    """The browser session of a span; empty if this is not a browser span, or one without a session."""
    session = text_of(attributes.get("splunk.rumSessionId")) or text_of(resource.get("splunk.rumSessionId"))
    if session or not is_browser(attributes, resource):
        return session
    return text_of(attributes.get("session.id")) or text_of(resource.get("session.id"))


def rum_kind(name: str, attributes: Attributes) -> str:
    """The kind of event that a browser span stands for.

    One of `document`, `document_fetch`, `resource`, `fetch`, `action`, `error`,
    `longtask`, `vital`, `route`, `session` and, for anything else, `custom`.
    """
    lower = name.lower()
    component = text_of(attributes.get("component"))
    if component == "error" or lower in ERROR_NAMES:
        return "error"
    if lower in _KIND_BY_NAME:
        return _KIND_BY_NAME[lower]
    if component == "splunk-longtask":
        return "longtask"
    if component in _FETCH_COMPONENTS:
        return "fetch"
    if component == "splunk-post-doc-load-resource":
        return "resource"
    if "event_type" in attributes or lower in _ACTION_NAMES or component == "user-interaction":
        return "action"
    if http_method_of(attributes) and url_of(attributes):
        return "fetch"
    return "custom"


_KIND_BY_NAME: Final = {
    "documentload": "document",
    "documentfetch": "document_fetch",
    "resourcefetch": "resource",
    "longtask": "longtask",
    "webvitals": "vital",
    "web-vitals": "vital",
    "routechange": "route",
    "session.start": "session",
    "session.end": "session",
}


def rum_is_error_event(name: str, attributes: Attributes) -> bool:
    """Whether a browser span is itself the report of an error."""
    return rum_kind(name, attributes) == "error"


def rum_is_error(name: str, attributes: Attributes) -> bool:
    """Whether an event failed: an error event, an `error` attribute, or a status of 400 and above.

    Agents leave the span's status unset and do not mark a failed request: a
    request that was never answered carries the status 0.
    """
    return rum_failed(rum_kind(name, attributes), attributes)


def rum_failed(kind: str, attributes: Attributes) -> bool:
    """As `rum_is_error`, of an event whose kind is known."""
    return kind == "error" or _failed(kind, attributes)


def rum_is_console_error(name: str) -> bool:
    """Whether an error event of this name is a line of the console rather than a thrown error."""
    return name.lower() == _CONSOLE_ERROR


def error_report(name: str, attributes: Attributes, start_unix_nano: int) -> ErrorReport:
    """What an error event says."""
    return ErrorReport(
        start_unix_nano,
        rum_is_console_error(name),
        first_of(attributes, ("error.object", "exception.type", "error.type")),
        first_of(attributes, ("error.message", "exception.message", "message")),
    )


def rum_repeats(console: ErrorReport, thrown: ErrorReport) -> bool:
    """Whether a line of the console says again what was thrown within a second of it, in the same session.

    It does if one message holds the other, or if it announces an uncaught error of that type.
    """
    if not console.console or thrown.console:
        return False
    if abs(console.start_unix_nano - thrown.start_unix_nano) > REPEATED_WITHIN_NS:
        return False
    logged, message = _UNCAUGHT.sub("", console.message).strip(), thrown.message.strip()
    bare = _UNCAUGHT.sub("", message).strip()
    shorter, longer = sorted((logged, bare), key=len)
    if logged == bare or (len(shorter) >= _LEAST_MESSAGE and shorter in longer):
        return bool(logged)
    announced = logged != console.message.strip()
    return announced and bool(thrown.type) and logged.startswith(f"{thrown.type}:")


def rum_is_network_error(name: str, attributes: Attributes) -> bool:
    """Whether an event is a failed request of a script, of a document, or of a part of a page.

    Its status is an error, there was no answer, or the agent marked it.
    """
    kind = rum_kind(name, attributes)
    return kind in _REQUESTS and _failed(kind, attributes)


def _failed(kind: str, attributes: Attributes) -> bool:
    if is_truthy(attributes.get("error")):
        return True
    status = http_status_of(attributes)
    return status is not None and (status >= 400 or (status == 0 and kind == "fetch"))


@lru_cache(maxsize=4096)
def rum_page(url: str) -> str:
    """The page of a URL: its path, in which every segment that looks like an id is `<??>`.

    `http://shop/product/OLJCESPC7Z?x=1` is `/product/<??>`; empty for a text that is not a URL.
    """
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    if not path:
        return "/" if "://" in url else ""
    return "/".join("<??>" if _is_id(part) else part for part in path.split("/"))[:_MAX_TAG_CHARACTERS]


def _is_id(segment: str) -> bool:
    if not segment:
        return False
    return segment.isdecimal() or any(form.fullmatch(segment) for form in (_UUID, _HEX, _CODE, _LONG))


def browser_of(attributes: Attributes) -> tuple[str, str, str]:
    """(browser, its major version, operating system), each empty if it cannot be recognized."""
    agent = first_of(attributes, ("user_agent.original", "http.user_agent"))
    return _browser_of(agent, text_of(attributes.get("user_agent.os.name")))


@lru_cache(maxsize=1024)
def _browser_of(agent: str, system: str) -> tuple[str, str, str]:
    if not system:
        system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    for name, pattern in _BROWSERS:
        found = pattern.search(agent)
        if found:
            return name, found[1].partition(".")[0], system
    return "", "", system


def rum_tags_of(name: str, attributes: Attributes, resource: Attributes) -> dict[str, str]:
    """The RUM tags of a browser span, without empty ones.

    Beyond RUM_TAGS, `link.traceId` and `link.spanId` name the backend request that
    answered: they are looked up, never grouped by.
    """
    browser, version, system = browser_of(attributes)
    found = {
        "app": first_of(attributes, ("app",)) or first_of(resource, ("app", "service.name")),
        "environment": environment_of(attributes, resource),
        "app.version": first_of(attributes, ("app.version",))
        or first_of(resource, ("app.version", "service.version")),
        "page": rum_page(first_of(attributes, ("location.href", "url.full", "http.url"))),
        "operation": rum_operation(name, attributes),
        "browser.name": browser,
        "browser.version": f"{browser} {version}".strip() if version else "",
        "os.name": system,
        "enduser.id": text_of(attributes.get("enduser.id")),
        "user_agent.synthetic.type": text_of(attributes.get("user_agent.synthetic.type")),
        "tenant.level": text_of(attributes.get("tenant.level")),
        "http.status_code": str(http_status_of(attributes) or ""),
        "link.traceId": text_of(attributes.get("link.traceId")),
        "link.spanId": text_of(attributes.get("link.spanId")),
    }
    return {tag: text[:_MAX_TAG_CHARACTERS] for tag, text in found.items() if text}


def rum_operation(name: str, attributes: Attributes) -> str:
    """Method and page of a request (`POST /cart/checkout`), the span's name of any other event."""
    kind = rum_kind(name, attributes)
    if kind not in ("fetch", "document_fetch", "resource"):
        return name
    page = rum_page(url_of(attributes))
    return f"{http_method_of(attributes) or 'GET'} {page}" if page else name


def rum_samples(
    name: str, attributes: Attributes, duration_ns: int, events: Mapping[str, int]
) -> tuple[RumSample, ...]:
    """The measured values that one browser span adds to the RUM metrics.

    `events` holds the span's events by name, in Unix nanoseconds: the timings of
    a document are among them.
    """
    kind = rum_kind(name, attributes)
    if kind == "document":
        return (RumSample("page_views", duration_ns, False), RumSample("page_load", duration_ns, False))
    if kind == "vital":
        return _vitals(attributes)
    if kind == "error":
        return (RumSample("js_errors", 0, True),)
    if kind == "longtask":
        duration_ms = number_of(attributes.get("longtask.duration"))
        return (
            RumSample("long_tasks", duration_ns if duration_ms is None else round(duration_ms * 1e6), False),
        )
    if kind == "route":
        return (RumSample("route_changes", duration_ns, False),)
    if kind == "custom":
        return (RumSample("custom_events", duration_ns, is_truthy(attributes.get("error"))),)
    if kind not in _REQUESTS:
        return ()
    failed = rum_is_network_error(name, attributes)
    # A page loads dozens of parts: if all counted, they would hide the requests to a backend.
    if kind == "resource" and not failed:
        return ()
    samples = [RumSample("network_requests", duration_ns, failed)]
    if failed:
        samples.append(RumSample("network_errors", duration_ns, True))
    if kind == "document_fetch" and {"fetchStart", "responseStart"} <= events.keys():
        samples.append(RumSample("ttfb", max(0, events["responseStart"] - events["fetchStart"]), False))
    return tuple(samples)


def _vitals(attributes: Attributes) -> tuple[RumSample, ...]:
    samples = []
    for vital in _VITALS:
        number = number_of(attributes.get(vital))
        if number is not None and 0 <= number < 1e7:
            samples.append(RumSample(vital, round(number * (1e9 if vital == "cls" else 1e6)), False))
    return tuple(samples)
