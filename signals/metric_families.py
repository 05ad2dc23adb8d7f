"""Tells from a metric's name what it is about: the runtime of its process, its requests, anything else. Pure.

Read from the names of OpenTelemetry's conventions and of Prometheus' client libraries; no service is known
by name.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from signals.metrics import MetricInfo

Family = Literal["runtime", "requests", "own"]

_SPLIT: Final = re.compile(r"[._:/]+")
_RUNTIMES: Final = frozenset(
    {
        *("process", "system", "host", "hw", "container", "k8s", "node", "runtime"),
        *("jvm", "go", "nodejs", "v8js", "dotnet", "cpython", "python", "ruby", "php", "beam", "otelcol"),
    }
)
"""First words of names that are about a process, its machine or its language."""
_RESOURCES: Final = frozenset(
    {
        *("runtime", "gc", "cpu", "memory", "heap", "thread", "threads", "threadpool", "executor"),
        "eventloop",
        *("pool", "queue", "connection", "connections", "goroutine", "goroutines", "filedescriptor"),
    }
)
"""Words anywhere in a name that say the same."""
_CALLS: Final = frozenset(
    {"http", "rpc", "grpc", "db", "messaging", "faas", "gen_ai", "graphql", "dns", "tls", "signalr", "url"}
)
_ORDER: Final = (
    ("cpu",), ("memory", "heap", "rss"), ("thread", "threads", "goroutine", "goroutines"), ("gc",),
    ("pool", "threadpool", "connection", "connections"), ("queue", "eventloop"),
)  # fmt: skip
"""What is asked for first of a runtime."""
_LIMITS: Final = frozenset(
    {"capacity", "limit", "max", "uptime", "virtual", "start", "info", "uncollectable"}
)
"""Words of what hardly changes: such a metric comes after the others of its kind."""
_SERVERS: Final = frozenset({"server", "process"})
_MS_OR_LONGER: Final = frozenset({"s", "ms", "us", "ns", "min", "seconds", "milliseconds"})


def words_of(name: str) -> list[str]:
    """The parts of a metric's name in lower case."""
    return [word for word in _SPLIT.split(name.lower()) if word]


def family_of(name: str) -> Family:
    """What a metric of this name is about."""
    words = words_of(name)
    if not words:
        return "own"
    if words[0] in _RUNTIMES or words[:2] == ["otel", "sdk"]:
        return "runtime"
    if not _RESOURCES.isdisjoint(words):
        return "runtime"
    return "requests" if words[0] in _CALLS else "own"


def runtime_order(name: str) -> tuple[int, int, str]:
    """A key that sorts metrics of runtimes: CPU, memory, threads, garbage collection, pools, queues."""
    words = set(words_of(name))
    rank = next((place for place, of in enumerate(_ORDER) if not words.isdisjoint(of)), len(_ORDER))
    return len(words & _LIMITS), rank, name


def is_server_duration(info: MetricInfo) -> bool:
    """Whether a metric has the durations of the requests that a service received."""
    words = words_of(info.name)
    return (
        bool(words)
        and info.kind.is_distribution
        and info.unit in _MS_OR_LONGER
        and words[0] in _CALLS
        and any(word in _SERVERS for word in words[1:])
        and words[-1] in ("duration", "latency", "seconds", "milliseconds")
    )
