"""Meaning of one span's attributes: errors, peers, workflows, promoted tags.

Pure functions of one attribute set; what needs the whole trace is in
`signals.trace_analysis`, what is special about browsers in `signals.browser_events`.
Must not know any service, tag value or session by name: only OpenTelemetry's
conventions, their older spellings, and those of the browser agents.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from signals.attributes import first_of, http_status_of, is_truthy, number_of, text_of
from signals.browser_events import rum_tags_of
from signals.model import Attributes, SpanKind, StatusCode

PROMOTED: Final[tuple[str, ...]] = (
    "version",
    "service.version",
    "deployment.environment.name",
    "deployment.environment",
    "environment",
    "tenant.level",
    "enduser.id",
    "user_agent.synthetic.type",
    "http.route",
    "http.request.method",
    "http.method",
    "http.response.status_code",
    "http.status_code",
    "rpc.system",
    "rpc.service",
    "rpc.method",
    "rpc.grpc.status_code",
    "rpc.response.status_code",
    "grpc.status_code",
    "db.system.name",
    "db.system",
    "messaging.system",
    "messaging.destination.name",
    "peer.service",
    "server.address",
    "error.type",
    "orderId",
    "order.id",
    "app.order.id",
    "kubernetes_pod_uid",
    "k8s.pod.name",
    "k8s.namespace.name",
    "k8s.cluster.name",
    "cloud.region",
    "host.name",
    "service.instance.id",
    "feature_flag.key",
    "feature_flag.result.variant",
    "app",
    "app.version",
    "workflow.name",
)
"""Attributes that every engine indexes, so that search and breakdown by them are quick."""

UNBOUNDED: Final[frozenset[str]] = frozenset({"orderId", "order.id", "app.order.id"})
"""Promoted tags with about as many values as requests: searched by, never summed up by."""

_IS_PROMOTED: Final = frozenset(PROMOTED)
CALLS: Final[frozenset[int]] = frozenset({int(SpanKind.CLIENT), int(SpanKind.PRODUCER)})
"""Kinds of spans that have a peer."""
_DATABASE_NAMES: Final = ("db.namespace", "db.name")
_DATABASE_SYSTEMS: Final = ("db.system.name", "db.system")
_ADDRESSES: Final = (
    ("server.address", "server.port"),
    ("net.peer.name", "net.peer.port"),
    ("net.sock.peer.name", "net.sock.peer.port"),
    ("network.peer.address", "network.peer.port"),
    ("net.peer.ip", "net.peer.port"),
    ("net.sock.peer.addr", "net.sock.peer.port"),
)
_URLS: Final = ("url.full", "http.url", "messaging.url")
_QUEUES: Final = ("messaging.destination.name", "messaging.destination", "messaging.system")
OF_PEERS: Final[frozenset[str]] = frozenset(
    {"peer.service", "http.host", "net.peer.host", *_DATABASE_NAMES, *_DATABASE_SYSTEMS, *_URLS, *_QUEUES}
).union(*_ADDRESSES)
"""The attributes that `peer_of` depends on."""
OF_ERRORS: Final[frozenset[str]] = frozenset({"error"})
"""The attributes that `is_error` depends on."""
_LEAST_HTTP_ERROR: Final = 400
_GRPC_STATUSES: Final = ("rpc.grpc.status_code", "grpc.status_code")
_MAX_TAG_CHARACTERS: Final = 256


def is_error(status_code: int, attributes: Attributes) -> bool:
    """Whether a span is in error: status ERROR, or an `error` attribute that is set."""
    return status_code == StatusCode.ERROR or ("error" in attributes and is_truthy(attributes["error"]))


def is_error_answer(attributes: Attributes) -> bool:
    """Whether what a call reached answered it with an error, whatever status the call's span has.

    That is an HTTP status from 400 on, or a gRPC status other than 0: a caller need not take
    either for an error of its own.
    """
    status = http_status_of(attributes)
    if status is not None and status >= _LEAST_HTTP_ERROR:
        return True
    for name in _GRPC_STATUSES:
        # Most have none, or a 0: to ask what number it is takes ten times as long.
        if name in attributes and attributes[name] != "0" and number_of(attributes[name]):
            return True
    return False


def peer_of(kind: int, attributes: Attributes) -> tuple[str, bool]:
    """(name of what a span calls, whether that is a database); ("", False) if it calls nothing.

    `peer.service` comes first; a database has its own name, which stays the same when
    its address changes, else the name of its system; anything else is
    `server.address:port`, else the host of a URL, else a queue's name.
    """
    if kind not in CALLS:
        return "", False
    system = first_of(attributes, _DATABASE_SYSTEMS)
    name = text_of(attributes.get("peer.service"))
    if name:
        return name, bool(system)
    if system:
        return _database_name(system, first_of(attributes, _DATABASE_NAMES)), True
    return _address(attributes) or first_of(attributes, _QUEUES), False


def _database_name(system: str, name: str) -> str:
    if not name or name == ":memory:":
        return system
    if name.isdecimal():  # Redis numbers its databases
        return f"{system}:{name}"
    return PurePosixPath(name).name or system if "/" in name else name


def _address(attributes: Attributes) -> str:
    for host_key, port_key in _ADDRESSES:
        host = text_of(attributes.get(host_key))
        if host:
            return _host_port(host, text_of(attributes.get(port_key)))
    url = first_of(attributes, _URLS)
    if url:
        try:
            return urlsplit(url).netloc.rpartition("@")[2]
        except ValueError:
            return ""
    return first_of(attributes, ("http.host", "net.peer.host"))


def _host_port(host: str, port: str) -> str:
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return f"{host}:{port}" if port and port != "0" else host


def route_of(name: str, attributes: Attributes) -> str:
    """The route of an entry span: `http.route`, else its name without the HTTP method."""
    route = text_of(attributes.get("http.route"))
    if route:
        return route
    method, _, rest = name.partition(" ")
    return rest if rest.startswith("/") and method.isupper() else name


def workflow_of(service: str, name: str, attributes: Attributes) -> str:
    """The workflow that an entry span starts: its service, a colon and its route."""
    return f"{service}:{route_of(name, attributes)}"


def promoted_of(attributes: Attributes, resource: Attributes) -> dict[str, str]:
    """The promoted attributes of a span as text; its own, even if empty, win over its resource's."""
    tags = {}
    for bag in (resource, attributes):
        for name in bag:
            if name in _IS_PROMOTED and bag[name] is not None:
                text = text_of(bag[name])
                if text:
                    tags[name] = text[:_MAX_TAG_CHARACTERS]
                else:
                    tags.pop(name, None)
    return tags


def tags_of(name: str, attributes: Attributes, resource: Attributes, *, browser: bool) -> dict[str, str]:
    """`SpanRow.tags`: the promoted attributes, and of a browser span its RUM tags too."""
    tags = promoted_of(attributes, resource)
    if browser:
        tags.update(rum_tags_of(name, attributes, resource))
    return tags
