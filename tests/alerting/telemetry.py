"""A store that a test fills, and rules over it in a folder of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import store
from alerting import AlertFile
from alerting.database import Database
from alerting.evaluator import Evaluator
from alerting.model import Alert, AlertQuery, Detector
from signals.model import Attributes, Span, SpanKind, TraceId
from store.api import Batch, MetricRow, Reader, Writer
from tests.helpers import eventually
from tests.store.build import SECOND, T0, row, span

_numbers = count(1)
NOW_S = 1_000.0
"""Seconds after T0 at which tests evaluate first."""


@dataclass
class Telemetry:
    """A store, with the clock of those who evaluate it."""

    path: Path
    writer: Writer
    reader: Reader
    now_s: float = NOW_S
    traces: list[TraceId] = field(default_factory=list)

    def now(self) -> int:
        return T0 + round(self.now_s * SECOND)

    def requests(
        self,
        *,
        at_s: Sequence[float],
        errors: int = 0,
        ms: float = 10,
        service: str = "frontend",
        operation: str = "/cart/checkout",
        attributes: Attributes | None = None,
    ) -> None:
        """Requests at these times (seconds after T0), the last `errors` of which failed."""
        spans = []
        for place, second in enumerate(at_s):
            number = next(_numbers)
            spans.append(
                span(
                    number,
                    service=service,
                    name=operation,
                    kind=SpanKind.SERVER,
                    start_ms=second * 1000,
                    ms=ms,
                    error=place >= len(at_s) - errors,
                    attributes={"http.route": operation, **(attributes or {})},
                    trace_id=TraceId(f"{number:032x}"),
                )
            )
        self.spans(spans)

    def spans(self, spans: Sequence[Span]) -> None:
        """Keep spans, each a trace, and wait until they are summed."""
        self.writer.write(Batch(spans=[row(one) for one in spans]))
        ids = [one.trace_id for one in spans if not one.browser]
        eventually(lambda: len(self.reader.trace_summaries(ids)) == len(ids), "every summary")
        self.traces += ids

    def points(self, points: Sequence[MetricRow]) -> None:
        """Keep points of metrics."""
        self.writer.write(Batch(metrics=list(points)))


@contextmanager
def telemetry(folder: Path) -> Iterator[Telemetry]:
    """An empty store in a folder."""
    path = folder / "store.db"
    writer, reader = store.open_writer(path), store.open_reader(path)
    try:
        yield Telemetry(path, writer, reader)
    finally:
        writer.close()
        reader.close()


def rule_text(
    signal: Mapping[str, object], condition: Mapping[str, object], title: str = "Orders", **top: object
) -> str:
    """The text of a rule's file."""
    whole = {"title": title, "severity": "critical", **top}
    return "\n".join(
        [
            *(f"{name} = {_toml(each)}" for name, each in whole.items()),
            "[signal]",
            *(f"{name} = {_toml(each)}" for name, each in signal.items()),
            "[condition]",
            *(f"{name} = {_toml(each)}" for name, each in condition.items()),
        ]
    )


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(name)} = {_toml(each)}" for name, each in value.items()) + " }"
    return json.dumps(value)


ORDERS: Mapping[str, object] = {
    "kind": "requests",
    "measure": "error_share",
    "service": "frontend",
    "operation": "/cart/checkout",
}


@dataclass
class Desk:
    """Rules, an evaluator and the file of alerts over a store."""

    folder: Path
    telemetry: Telemetry
    ways: tuple[str, ...] = ()
    reader: Reader | None = None

    def __post_init__(self) -> None:
        self.rules = self.folder / "rules"
        self.rules.mkdir(exist_ok=True)
        self.path = self.folder / "alerts.db"
        self.file = AlertFile(self.path)
        self.database = Database(self.path, owner=True)
        self.start()

    def start(self) -> None:
        """A new process that evaluates: nothing but the file is kept."""
        self.database.close()
        self.database = Database(self.path, owner=True)
        self.evaluator = Evaluator(
            self.database,
            self.reader or self.telemetry.reader,
            [self.rules],
            interval_ns=2 * SECOND,
            ways=self.ways,
            clock=self.telemetry.now,
        )

    def rule(self, name: str, text: str) -> None:
        """Write a rule's file whole."""
        (self.rules / f"{name}.toml").write_text(text)

    def evaluate(self, at_s: float | None = None) -> None:
        """One pass, at a time after T0."""
        if at_s is not None:
            self.telemetry.now_s = at_s
        self.evaluator.run_pass()

    def alerts(self) -> Sequence[Alert]:
        """All that are kept."""
        return self.file.alerts(AlertQuery(), self.telemetry.now())[0]

    @property
    def only(self) -> Alert:
        [found] = self.alerts()
        return found

    def detector(self, name: str = "orders") -> Detector:
        found = self.file.detector(name, self.telemetry.now())
        assert found
        return found

    def close(self) -> None:
        self.file.close()
        self.database.close()
