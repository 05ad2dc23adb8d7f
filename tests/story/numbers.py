"""Numbers of the screens and the API that count the same thing, as a table; and what compares them.

A number is one line of NUMBERS: what it counts, the address where it stands, and its place there.
All numbers with the same `counts` must be equal over the same window, or the words that explain
the difference must stand where `words` points. `{service}` and the like stand for each of them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from observer.request.time_range import range_args
from store.api import Window
from tests.fixtures.html import text
from tests.story import number_places as places
from tests.story.number_places import Api, Cell, Fact, Names, Place, Row, Words

Read = Callable[[str], str]
"""The body that an address of the observer answers with."""


@dataclass(frozen=True)
class Number:
    """A number somewhere, and what it counts."""

    counts: str
    address: str
    place: Place
    words: str = ""
    """A selector on the same page: with such an element, the number may differ, as it says why."""
    words_at: str = ""
    """The address of these words where it is another one."""
    ranged: bool = True
    """The address takes a time range."""
    cut: str = ""
    """A field of the API's answer that is true where older ones were left out: it may differ then."""
    grows: bool = False
    """It grows meanwhile: what stands elsewhere lies between two readings of this one."""


@dataclass(frozen=True)
class Sighting:
    """A number as it was read."""

    number: Number
    address: str
    value: int
    explained: bool


class Comparison:
    """Reads a table of numbers over one frozen window, each address once."""

    def __init__(self, read: Read, window: Window) -> None:
        self._read = read
        self._range = "&".join(f"{key}={quote(value)}" for key, value in range_args(window).items())
        self._bodies: dict[str, str] = {}

    def body(self, address: str, *, ranged: bool = True) -> str:
        """What an address answers over the window."""
        if address not in self._bodies:
            whole = f"{address}{'&' if '?' in address else '?'}{self._range}" if ranged else address
            self._bodies[address] = self._read(whole)
        return self._bodies[address]

    def ask(self, path: str) -> Any:
        """An answer of the API."""
        return self.ask_at(f"/api/v1{path}")

    def ask_at(self, address: str) -> Any:
        """The JSON at an address."""
        return places.answer(self.body(address))

    def differences(self, numbers: Sequence[Number]) -> list[str]:
        """Every number that differs from the first of its kind without a word, in one line each."""
        found = []
        for counts, group in self.groups(numbers).items():
            first, *others = group
            for other in others:
                if not self._agree(first, other):
                    found.append(
                        f"{counts}: {first.value} at {first.address} {first.number.place}, "
                        f"{other.value} at {other.address} {other.number.place}"
                    )
        return found

    def _agree(self, first: Sighting, other: Sighting) -> bool:
        if other.value == first.value or other.explained or first.explained:
            return True
        values = []
        for sighting in (first, other, first) if first.number.grows else ():
            self._bodies.pop(sighting.address, None)
            values.append(self._sighting(sighting.number, {}).value)
        return bool(values) and values[0] <= values[1] <= values[2]

    def groups(self, numbers: Sequence[Number]) -> dict[str, list[Sighting]]:
        """Every number as it is read, by what it counts; kinds that are read in one place only fail."""
        groups: dict[str, list[Sighting]] = {}
        for number in numbers:
            for names in self._each(f"{number.counts} {number.address}"):
                sighting = self._sighting(number, names)
                groups.setdefault(places.names_in(number.counts, names), []).append(sighting)
        lonely = [counts for counts, group in groups.items() if len(group) < 2]
        assert not lonely, f"compared with nothing: {lonely}"
        return groups

    def _sighting(self, number: Number, names: Names) -> Sighting:
        address = places.quoted_names_in(number.address, names)
        value = number.place.read(self.body(address, ranged=number.ranged), names)
        explained = bool(number.cut) and self.ask_at(address)[number.cut] is True
        if number.words:
            at = places.quoted_names_in(number.words_at, names) or address
            words = places.page(self.body(at)).css(number.words)
            explained = any(len(text(node)) > 10 for node in words)
        return Sighting(number, address, value, explained)

    def _each(self, template: str) -> Iterator[Names]:
        """The names that stand for the placeholders of a number, one mapping for each combination."""
        kinds = list(dict.fromkeys(re.findall(r"{(\w+)}", template)))
        if "entry" in kinds:
            yield from self._routes()
            return
        if "slow" in kinds:
            yield from self._slow_operations()
            return
        if "from" in kinds:
            edges = self.ask("/apm/map")["edges"]
            yield from ({"from": edge["from"], "to": edge["to"]} for edge in edges)
            return
        for values in itertools.product(*(self._names(kind) for kind in kinds)):
            yield dict(zip(kinds, values, strict=True))

    def _routes(self) -> Iterator[Names]:
        """Operations that browsers ask for, as they name them (`GET /cart`) and as their service does."""
        asked = self.ask("/rum/tags?metric=network_requests&tag=operation")["values"]
        for operation, service in self._entries():
            for seen in (each["value"] for each in asked):
                if operation in (seen, seen.partition(" ")[2]):
                    yield {"route": operation, "seen": seen, "entry": service}

    def _slow_operations(self) -> Iterator[Names]:
        heads = {
            (text(link), text(of))
            for head in places.page(self.body("/")).css(".slowest tbody tr th")
            if (link := head.css_first("a")) is not None and (of := head.css_first(".soft")) is not None
        }
        for each in self.ask("/apm/slowest?limit=1000")["operations"]:
            if (places.shown(each["operation"]), places.shown(each["service"])) in heads:
                yield {"slow": each["operation"], "slow_service": each["service"]}

    def _entries(self) -> list[tuple[str, str]]:
        """(operation, service) of the services that were called from outside."""
        found = self.ask("/apm/map")
        called = {edge["to"] for edge in found["edges"]}
        entries = [node["service"] for node in found["nodes"] if node["service"] not in called]
        return [
            (each["operation"], service)
            for service in entries
            for each in self.ask(f"/apm/operations?service={quote(service)}")["operations"]
        ]

    def _names(self, kind: str) -> list[str]:
        nodes = self.ask("/apm/map")["nodes"]
        if kind in ("service", "inferred"):
            return [node["service"] for node in nodes if node["inferred"] == (kind == "inferred")]
        if kind == "severity":
            counts = [column["counts"] for column in self.ask("/logs?limit=1")["histogram"]]
            return sorted({severity for count in counts for severity in count})
        if kind == "metric":
            return sorted(self.ask("/rum/measures")["measures"])
        if kind == "counted":
            overview = places.page(self.body("/rum?whose=all"))
            links = [link.attributes["href"] or "" for link in overview.css(".stats .stat .name a")]
            return [found[1] for link in links if (found := re.search(r"metric=(\w+)", link))]
        if kind == "trace":
            return [each["trace_id"] for each in self.ask("/apm/traces?error=any&limit=5")["traces"]]
        if kind == "session":
            return [each["session_id"] for each in self.ask("/rum/sessions?limit=5")["sessions"]]
        raise AssertionError(f"unknown kind {kind}")


def _of_services() -> Iterator[Number]:
    """Requests, errors and root causes of each service."""
    page, panel = "/apm/services/-?name={service}", "/apm?service={service}"
    sections = (
        ("requests", "requests", "Requests"),
        ("errors", "errors", "Errors"),
        ("root causes", "origin_errors", "Root cause"),
    )
    for word, name, label in sections:
        counts = f"{word} of {{service}}"
        fact = "Root cause here" if name == "origin_errors" else label
        yield Number(counts, "/api/v1/apm/map", Api(f"nodes.{name}", {"service": "{service}"}))
        yield Number(counts, "/api/v1/apm/services", Api(f"services.{name}", {"service": "{service}"}))
        yield Number(counts, "/api/v1/apm/series?service={service}", Api(f"points.{name}"))
        yield Number(
            counts, "/api/v1/apm/operations?service={service}", Api(f"operations.{name}"),
            words="[data-explains=operations]", words_at=page,
        )  # fmt: skip
        yield Number(counts, "/apm/services", Cell("table:has([data-main])", label, "{service}"))
        yield Number(counts, "/apm", Cell(".map-table table:not(:has([data-label=To]))", label, "{service}"))
        yield Number(counts, panel, Fact("#node-panel", fact))
        yield Number(counts, page, Fact("main", fact))
        yield Number(counts, page, Cell("table:has([data-main])", label), words="[data-explains=operations]")


def _of_calls() -> Iterator[Number]:
    """Calls from service to service, and what became of them."""
    ends = {"from": "{from}", "to": "{to}"}
    edges = ".map-table table:has([data-label=To])"
    counts = "calls from {from} to {to}"
    for word, name, label in (("calls", "requests", "Calls"), ("failed calls", "errors", "Errors")):
        counts = f"{word} from {{from}} to {{to}}"
        yield Number(counts, "/api/v1/apm/map", Api(f"edges.{name}", ends))
        yield Number(counts, "/apm", Cell(edges, label, "{from}", "{to}"))
    counts = "calls without an answer from {from} to {to}"
    yield Number(counts, "/api/v1/apm/map", Api("edges.unanswered", ends))
    yield Number(counts, "/apm", Cell(edges, "No answer", "{from}", "{to}"))
    for word, name, label in (("calls", "requests", "Calls"), ("error answers", "errors", "Errors")):
        counts = f"{word} to {{inferred}}"
        term = "Calls to it" if label == "Calls" else label
        yield Number(counts, "/api/v1/apm/map", Api(f"nodes.{name}", {"service": "{inferred}"}))
        yield Number(counts, "/api/v1/apm/map", Api(f"edges.{name}", {"to": "{inferred}"}))
        yield Number(
            counts,
            "/apm/services",
            Cell("section[aria-labelledby=inferred-title] table", label, "{inferred}"),
        )
        yield Number(counts, "/apm/services/-?name={inferred}", Fact("main", term))
        yield Number(counts, "/apm?service={inferred}", Fact("#node-panel", term))


def _of_browsers() -> Iterator[Number]:
    """What browsers reported, and the same requests as their service counted them."""
    yield Number("{metric}", "/api/v1/rum/measures", Api("measures.{metric}.requests"))
    yield Number("{metric}", "/api/v1/rum/series?metric={metric}", Api("points.requests"))
    yield Number("{metric}", "/api/v1/rum/tags?metric={metric}&tag=app", Api("values.requests"))
    yield Number(
        "{counted}",
        "/rum?whose=all",
        Words(".stats .stat:has(.name a[href*='metric={counted}']) .value", needed=False),
    )
    yield Number("{counted}", "/api/v1/rum/measures", Api("measures.{counted}.requests"))
    counts = "requests {seen} {route} {entry}"
    asked = "/rum/tags?metric=network_requests"
    yield Number(
        counts, f"/api/v1{asked}&tag=operation", Api("values.requests", {"value": "{seen}"}),
        words="[data-explains=services]", words_at=f"{asked}&whose=all",
    )  # fmt: skip
    yield Number(
        counts, "/apm/services/-?name={entry}", Cell("table:has([data-main])", "Requests", "{route}"),
        words="[data-explains=browsers]",
    )  # fmt: skip
    counts = "failed requests {seen} {route} {entry}"
    seen = "/api/v1/rum/tags?metric=network_errors&tag=operation"
    yield Number(
        counts, seen, Api("values.requests", {"value": "{seen}"}),
        words="[data-explains=services]", words_at=f"{asked}&whose=all",
    )  # fmt: skip
    yield Number(
        counts, "/apm/services/-?name={entry}", Cell("table:has([data-main])", "Errors", "{route}"),
        words="[data-explains=browsers]",
    )  # fmt: skip


def _of_traces() -> Iterator[Number]:
    """One trace in the list, by itself, and its logs."""
    listed = "/api/v1/apm/traces?error=any&limit=5"
    of = {"trace_id": "{trace}"}
    for word, name, last in (("errors", "errors", "errors"), ("root causes", "origin_errors", "root")):
        counts = f"{word} of trace {{trace}}"
        yield Number(counts, listed, Api(f"traces.{name}", of))
        yield Number(counts, "/api/v1/apm/traces/{trace}", Api(name), ranged=False)
        yield Number(
            counts, "/apm/traces/{trace}",
            # Equal causes are one: "2 root causes, 4 spans".
            Words(f".page-head a[href*='errors={last}']", last=last == "root", needed=False),
        )  # fmt: skip
    yield Number("spans of trace {trace}", listed, Api("traces.spans", of))
    yield Number("spans of trace {trace}", listed, Api("traces.services.spans", of))
    yield Number("spans of trace {trace}", "/api/v1/apm/traces/{trace}", Api("span_count"), ranged=False)
    yield Number("spans of trace {trace}", "/apm/traces?error=any", Words("#t-{trace} td[data-label=Spans]"))
    yield Number("logs of trace {trace}", "/api/v1/logs?trace_id={trace}&limit=1", Api("count"))
    yield Number("logs of trace {trace}", "/logs?trace_id={trace}", Words("#log-counts strong"))
    yield Number("logs of trace {trace}", "/apm/traces/{trace}", Words(".related [data-key=logs]"))


def _of_impact() -> Iterator[Number]:
    """How bad it is, for whom: the same line on home, on the page of every service and beside the map."""
    api = "/api/v1/apm/impact"
    for who, field, label in (
        ("people", "people", "People:"),
        ("programs", "synthetic", "Synthetic traffic:"),
    ):
        for nth, (what, name) in enumerate((("lost", "failed_for_good"), ("tried", "requests"))):
            counts = f"{what} by {who}"
            yield Number(counts, api, Api(f"{field}.{name}"))
            place = Words("#impact .impact-line", nth=nth, about=label, needed=False)
            for address in ("/", "/apm/services/-?name={service}", "/apm?service={service}"):
                yield Number(counts, address, place)


def _of_slowest() -> Iterator[Number]:
    """The slowest operations of home, and what their service counted of them."""
    counts = "requests of the slow {slow} of {slow_service}"
    of = {"operation": "{slow}", "service": "{slow_service}"}
    yield Number(counts, "/", Cell(".slowest table", "Count", "{slow}", beside="{slow_service}"))
    yield Number(counts, "/api/v1/apm/slowest?limit=1000", Api("operations.requests", of))
    yield Number(
        counts,
        "/api/v1/apm/operations?service={slow_service}",
        Api("operations.requests", {"operation": "{slow}"}),
    )


_MAP = "/api/v1/apm/map"
_PAGE = "/apm/services/-?name={service}"
_AFFECTED = ".affected .waterfall-note"
_LOGS = "/api/v1/logs?limit=1"

NUMBERS: tuple[Number, ...] = (
    *_of_services(),
    *_of_calls(),
    *_of_browsers(),
    *_of_traces(),
    *_of_impact(),
    *_of_slowest(),
    # What the callers of a service counted, and what it counted itself.
    Number("requests or calls of {service}", _MAP, Api("nodes.requests", {"service": "{service}"})),
    Number(
        "requests or calls of {service}",
        "/apm?service={service}",
        Words("#node-panel .called-by .calls", needed=False),
        words="#node-panel [data-explains=calls]",
    ),
    Number(
        "requests or calls of {service}",
        _PAGE,
        Words(".called-by .calls", needed=False),
        words="[data-explains=calls]",
    ),
    # Who is affected: requests of people and of programs together are all requests.
    Number(
        "requests of {service}",
        "/api/v1/apm/affected?service={service}",
        Api("requests", plus="synthetic.requests"),
        cut="truncated",
    ),
    Number(
        "errors of {service}",
        "/api/v1/apm/affected?service={service}",
        Api("failed", plus="synthetic.failed"),
        cut="truncated",
    ),
    Number("requests of {service}", _PAGE, Row(".affected table", "Requests"), words=_AFFECTED),
    Number("errors of {service}", _PAGE, Row(".affected table", "Failed"), words=_AFFECTED),
    Number("requests of {service}", "/api/v1/apm/tags?service={service}&tag=version", Api("requests")),
    Number(
        "requests of {service}",
        "/api/v1/apm/tags?service={service}&tag=any.other",
        Api("requests"),
        cut="truncated",
    ),
    # Logs: headline, legend, histogram.
    Number("logs", _LOGS, Api("count")),
    Number("logs", _LOGS, Api("histogram.counts.*")),
    Number("logs", "/logs", Words("#log-counts strong")),
    Number("logs", "/logs", Words("#log-counts .legend li", last=True)),
    Number("logs of severity {severity}", "/api/v1/logs?severity={severity}&limit=1", Api("count")),
    Number("logs of severity {severity}", _LOGS, Api("histogram.counts.{severity}")),
    Number(
        "logs of severity {severity}", "/logs", Words("#log-counts .legend li", last=True, about="{severity}")
    ),
    Number("logs of severity {severity}", "/logs?severity={severity}", Words("#log-counts strong")),
    Number("logs of {service}", "/api/v1/logs?service={service}&limit=1", Api("count")),
    Number("logs of {service}", "/logs?service={service}", Words("#log-counts strong")),
    Number("logs of {service}", _PAGE, Words(".related [data-key=logs]", last=True)),
    # What the store holds.
    Number("stored spans", "/api/v1/status", Api("counts.spans"), ranged=False),
    Number("stored spans", "/", Words("#counts .stat", about="Spans")),
    Number("stored logs", "/api/v1/status", Api("counts.logs"), ranged=False),
    Number("stored logs", "/", Words("#counts .stat", about="Logs")),
    Number("stored sessions", "/api/v1/status", Api("counts.sessions"), ranged=False),
    Number("stored sessions", "/", Words("#counts .stat", about="Sessions")),
    Number("stored metric points", "/api/v1/status", Api("counts.metric_points"), ranged=False, grows=True),
    Number("stored metric points", "/", Words("#counts .stat", about="Metric points")),
)
"""One line for each number; a new one needs no more."""
