"""The beacons of a browser with the RUM agent, without the browser.

A `RumSession` lives as long as a visitor's session and a `PageView` as long as one
document; both convert what really happened (requests with their real times, statuses
and `Server-Timing`) to the spans of `@splunk/otel-web`, in Zipkin's JSON. Pure: no
network, and the clock and the generator of ids are arguments.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

from loadgen.agent import AgentConfig, Browser, Exchange, ScriptError, Tags, boolean

AGENT_NAME = "@splunk/otel-web"
AGENT_VERSION = "2.5.1"
SESSION_COOKIE = "_splunk_rum_sid"
VISITOR_COOKIE = "_splunk_rum_user_anonymousId"
SESSION_IDLE_S = 15 * 60

_FETCH_MARKS = (
    "fetchStart",
    "domainLookupStart",
    "domainLookupEnd",
    "connectStart",
    "connectEnd",
    "requestStart",
    "responseStart",
    "responseEnd",
)
_LOAD_MARKS = (
    "domInteractive",
    "domContentLoadedEventStart",
    "domContentLoadedEventEnd",
    "domComplete",
    "loadEventStart",
    "loadEventEnd",
)


class RumSession:
    """One visitor's session. Spans are queued until `beacon` takes them."""

    def __init__(
        self,
        browser: Browser,
        rng: random.Random,
        now_us: Callable[[], int],
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        """`attributes` are added to every span, like the page's global attributes."""
        self.browser = browser
        self.now_us = now_us
        self.rng = rng
        self.attributes = dict(attributes or {})
        self.id = self.hexadecimal(16)
        self.visitor_id = self.hexadecimal(16)
        self.tab_id = self.hexadecimal(8)
        self.start_us = now_us()
        self.announced = False
        self._spans: list[dict[str, Any]] = []

    def hexadecimal(self, size_bytes: int) -> str:
        """A random id that is not all zeros."""
        return f"{self.rng.getrandbits(size_bytes * 8) | 1:0{size_bytes * 2}x}"

    def cookies(self) -> dict[str, str]:
        """The agent's cookies: session and visitor."""
        start_ms = self.start_us // 1000
        state = {
            "expiresAt": self.now_us() // 1000 + SESSION_IDLE_S * 1000,
            "id": self.id,
            "startTime": start_ms,
        }
        return {
            SESSION_COOKIE: quote(json.dumps(state, separators=(",", ":"))),
            VISITOR_COOKIE: self.visitor_id,
        }

    def open_page(self, config: AgentConfig, document: Exchange, referrer: str = "") -> PageView:
        """Start the agent in a new document; the first one announces the session."""
        page = PageView(self, config, document, referrer)
        if not self.announced:
            self.announced = True
            page.add("session.start", document.start_us, 0, {}, user_agent=False)
        return page

    def add(self, span: dict[str, Any]) -> None:
        """Queue a finished span."""
        self._spans.append(span)

    @property
    def pending(self) -> int:
        """The number of queued spans."""
        return len(self._spans)

    def beacon(self, limit: int = 50) -> bytes:
        """The body of the next beacon, with up to `limit` spans; empty if none is queued."""
        if not self._spans:
            return b""
        taken, self._spans = self._spans[:limit], self._spans[limit:]
        return json.dumps(taken, separators=(",", ":")).encode()


class PageView:
    """One document with the agent in it."""

    def __init__(
        self, session: RumSession, config: AgentConfig, document: Exchange, referrer: str = ""
    ) -> None:
        self.session = session
        self.config = config
        self.url = document.url
        self._document = document
        self._referrer = referrer
        self._resources: list[Exchange] = []
        self._script_instance = session.hexadecimal(8)

    def add(
        self,
        name: str,
        start_us: int,
        duration_us: int,
        tags: Tags,
        *,
        trace_id: str = "",
        parent_id: str = "",
        span_id: str = "",
        kind: str = "",
        marks: Mapping[str, int] | None = None,
        user_agent: bool = True,
    ) -> str:
        """Queue a span of this page, a root span unless it has a parent. Returns its id."""
        span: dict[str, Any] = {"traceId": trace_id or self.session.hexadecimal(16)}
        if parent_id:
            span["parentId"] = parent_id
        span["name"] = name
        span["id"] = span_id or self.session.hexadecimal(8)
        if kind:
            span["kind"] = kind
        span["timestamp"] = start_us
        span["duration"] = duration_us
        span["tags"] = {**tags, **self._common(user_agent)}
        if marks:
            span["annotations"] = [{"timestamp": at, "value": mark} for mark, at in marks.items()]
        self.session.add(span)
        return str(span["id"])

    def resource(self, exchange: Exchange) -> None:
        """A file that the document loaded; its span is made by `loaded`."""
        self._resources.append(exchange)

    def loaded(self) -> None:
        """The spans of the load event: the document, its fetch and its resources."""
        end_us = max([self._document.end_us, *(each.end_us for each in self._resources)]) + 1000
        start_us = self._document.start_us
        trace_id, load_id = self.session.hexadecimal(16), self.session.hexadecimal(8)
        for name, exchange in [
            ("documentFetch", self._document),
            *(("resourceFetch", each) for each in self._resources),
        ]:
            tags = _fetched(exchange) | {"component": "document-load"}
            self.add(
                name,
                exchange.start_us,
                exchange.duration_us,
                tags,
                trace_id=trace_id,
                parent_id=load_id,
                marks=_fetch_marks(exchange),
            )
        tags = {
            "component": "document-load",
            "http.url": self.url,
            "http.user_agent": self.session.browser.user_agent,
            "screen.xy": self.session.browser.screen,
        }
        if self._referrer:
            tags["document.referrer"] = self._referrer
        marks = {"fetchStart": start_us}
        step_us = (end_us - self._document.end_us) // len(_LOAD_MARKS)
        for number, mark in enumerate(_LOAD_MARKS, 1):
            marks[mark] = self._document.end_us + step_us * number
        self.add(
            "documentLoad", start_us, end_us - start_us, tags, trace_id=trace_id, span_id=load_id, marks=marks
        )

    def vital(self, name: str, value: float) -> None:
        """A web vital: `lcp` and `inp` in ms, `cls` without a unit."""
        self.add("webvitals", self.session.now_us(), 0, {name: f"{value:g}"})

    def long_task(self, start_us: int, duration_ms: int) -> None:
        """A long task: the main thread was busy for longer than 50 ms."""
        about = {"name": "unknown", "entry_type": "taskattribution", "start_time": "0", "duration": "0"}
        container = {
            "container_type": "window",
            "container_src": "",
            "container_id": "",
            "container_name": "",
        }
        tags = {
            "component": "splunk-longtask",
            "longtask.name": "self",
            "longtask.entry_type": "longtask",
            "longtask.duration": str(duration_ms),
        }
        tags |= {f"longtask.attribution.{key}": value for key, value in (about | container).items()}
        self.add("longtask", start_us, duration_ms * 1000, tags)

    def thrown(self, error: ScriptError) -> None:
        """An exception that no script caught."""
        self.add("onerror", self.session.now_us(), 0, error.tags())

    def logged(self, error: ScriptError, parent: Action | None = None) -> None:
        """A call of `console.error`."""
        trace_id, parent_id = (parent.trace_id, parent.span_id) if parent else ("", "")
        self.add(
            "console.error",
            self.session.now_us(),
            0,
            error.tags(),
            trace_id=trace_id,
            parent_id=parent_id,
        )

    def custom(
        self,
        name: str,
        tags: Mapping[str, str],
        start_us: int,
        duration_us: int = 0,
        parent: Action | None = None,
    ) -> None:
        """A span that the page itself makes through the agent's tracer."""
        trace_id, parent_id = (parent.trace_id, parent.span_id) if parent else ("", "")
        self.add(name, start_us, duration_us, dict(tags), trace_id=trace_id, parent_id=parent_id)

    def action(self, event: str, element: str, xpath: str, *, interactive: bool = True) -> Action:
        """A click, submit or other event that a listener handles; spans caused by it are its children."""
        return Action(self, event, element, xpath, interactive)

    def _common(self, user_agent: bool) -> Tags:
        session, config = self.session, self.config
        tags: Tags = {"location.href": self.url}
        if config.environment:
            tags["deployment.environment"] = tags["environment"] = config.environment
        if config.version:
            tags["app.version"] = config.version
        tags |= config.global_attributes
        tags |= session.attributes
        if user_agent:
            tags |= session.browser.tags()
        return tags | {
            "splunk.rumSessionId": session.id,
            "user.anonymous_id": session.visitor_id,
            "browser.instance.visibility_state": "visible",
            "telemetry.sdk.language": "webjs",
            "telemetry.sdk.name": AGENT_NAME,
            "telemetry.sdk.version": AGENT_VERSION,
            "process.runtime.name": "browser",
            "app": config.application,
            "splunk.rumVersion": AGENT_VERSION,
            "splunk.scriptInstance": self._script_instance,
            "browser.instance.id": session.tab_id,
        }


class Action:
    """A user's action on a page, from its event until its listeners have run."""

    def __init__(self, page: PageView, event: str, element: str, xpath: str, interactive: bool) -> None:
        self.page = page
        self.trace_id = page.session.hexadecimal(16)
        self.span_id = page.session.hexadecimal(8)
        self.start_us = page.session.now_us()
        self._event = event
        self._tags = {
            "event_type": event,
            "http.url": page.url,
            "target_element": element.upper(),
            "target_interactive": boolean(interactive),
            "target_xpath": xpath,
            "component": "user-interaction",
        }
        if event == "click":
            # The agent masks the text by default.
            self._tags["target_text"] = f"<{element.lower()}>"

    def end(self) -> None:
        """The listeners returned."""
        self.page.add(
            self._event,
            self.start_us,
            max(0, self.page.session.now_us() - self.start_us),
            self._tags,
            trace_id=self.trace_id,
            span_id=self.span_id,
        )

    def fetch(self) -> Fetch:
        """A `fetch` that a listener of this action calls."""
        return Fetch(self.page, self.trace_id, self.span_id)


class Fetch:
    """A same-origin `fetch`: send `headers` with the request, then call `end`."""

    def __init__(self, page: PageView, trace_id: str = "", parent_id: str = "") -> None:
        self.page = page
        self.trace_id = trace_id or page.session.hexadecimal(16)
        self.span_id = page.session.hexadecimal(8)
        self._parent_id = parent_id

    @property
    def headers(self) -> dict[str, str]:
        """The W3C trace context that the agent adds to the request."""
        return {"traceparent": f"00-{self.trace_id}-{self.span_id}-01"}

    def end(self, exchange: Exchange) -> None:
        """Queue the span of the finished request; status 0 means that there was no response."""
        url = urlsplit(exchange.url)
        tags = _fetched(exchange) | {
            "component": "fetch",
            "http.status_text": _status_text(exchange.status),
            "http.host": url.netloc,
            "http.scheme": url.scheme,
            "http.user_agent": self.page.session.browser.user_agent,
        }
        self.page.add(
            f"HTTP {exchange.method}",
            exchange.start_us,
            exchange.duration_us,
            tags,
            trace_id=self.trace_id,
            parent_id=self._parent_id,
            span_id=self.span_id,
            kind="CLIENT",
            marks=_fetch_marks(exchange),
        )


def by_id(element_id: str, suffix: str = "") -> str:
    """The XPath by which the agent identifies an element with an id, or one below it."""
    return f'//*[@id="{element_id}"]{suffix}'


def _fetched(exchange: Exchange) -> Tags:
    tags = {
        "http.method": exchange.method,
        "http.url": exchange.url,
        "http.status_code": str(exchange.status),
    }
    if exchange.status:
        tags["http.response_content_length"] = str(exchange.body_bytes)
    return tags | exchange.link()


def _fetch_marks(exchange: Exchange) -> dict[str, int]:
    """The timing events; those that cannot be measured here have the time of the next one."""
    if not exchange.status:
        return {}
    marks = dict.fromkeys(_FETCH_MARKS, exchange.start_us)
    marks["responseStart"] = marks["responseEnd"] = exchange.end_us
    return marks


def _status_text(status: int) -> str:
    if not status:
        return "Failed to fetch"
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
