"""Reads a rule from its TOML file and validates it as a whole; detectors/README.md describes the format."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final, cast, get_args

from alerting.errors import RuleError
from alerting.model import (
    SEVERITIES,
    Comparison,
    Condition,
    NoDataPolicy,
    Rule,
    Severity,
    Signal,
    SignalKind,
)
from alerting.toml_table import Table
from store.api import MetricAggregation, RumMetric

REQUESTS: Final = ("rate", "count", "errors", "error_share", "origin_share", "p50", "p75", "p90", "p99")
RUM: Final = ("count", "rate", "failed_share", "p50", "p75", "p90", "p99")
AGGREGATIONS: Final[tuple[MetricAggregation, ...]] = get_args(MetricAggregation)
RUM_METRICS: Final[tuple[RumMetric, ...]] = get_args(RumMetric)
SHARES: Final = ("error_share", "origin_share", "failed_share")
SERVICE: Final = "service"
OPERATION: Final = "operation"
LARGEST_FILE_BYTES: Final = 64 * 1024
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_KINDS: Final[tuple[SignalKind, ...]] = get_args(SignalKind)
_COMPARISONS: Final[tuple[Comparison, ...]] = get_args(Comparison)
_POLICIES: Final[tuple[NoDataPolicy, ...]] = get_args(NoDataPolicy)
_MOST_GROUPS: Final = 100
_MOST_ATTRIBUTES: Final = 4
_LEAST_METRIC_WINDOW: Final = "10s"


def read(path: Path) -> str:
    """The text of a rule's file. Raises RuleError."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE_BYTES + 1)
        if len(data) > LARGEST_FILE_BYTES:
            raise RuleError(
                path.name, "file", f"is larger than {LARGEST_FILE_BYTES} bytes", "make a file of each rule"
            )
        return data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(path.name, "file", f"cannot be read: {error}", "restore it") from error


def parse(name: str, file: str, text: str) -> Rule:
    """The rule `name` of a file's text. Raises RuleError."""
    if not _NAME.fullmatch(name):
        raise RuleError(
            file, "name of the file", f"is {name[:80]!r}", "use letters, digits, dots, - and _, at most 80"
        )
    table = Table(file, "", _toml(file, text))
    signal = _signal(table.table("signal"))
    rule = Rule(
        name=name,
        title=table.text("title"),
        description=table.text("description", ""),
        severity=cast(Severity, table.choice("severity", SEVERITIES)),
        signal=signal,
        condition=_condition(table.table("condition"), signal),
        runbook=_address(table, "runbook", table.text("runbook", "")),
        links=_links(table),
        labels=MappingProxyType(dict(table.pairs("labels"))),
    )
    table.done()
    return rule


def _toml(file: str, text: str) -> Mapping[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RuleError(file, "file", f"is not TOML: {error}", "correct that line") from error
    except RecursionError as error:
        raise RuleError(file, "file", "is nested too deeply", "write fewer brackets") from error


def _links(table: Table) -> Mapping[str, str]:
    found = table.pairs("links")
    return MappingProxyType({title: _address(table, f"links.{title}", each) for title, each in found.items()})


def _address(table: Table, key: str, text: str) -> str:
    """An address that may stand in a page: of the web, or a path of the screens."""
    text = text.strip()
    of_the_screens = text.startswith("/") and not text.startswith(("//", "/\\"))
    if text and not of_the_screens and not text.startswith(("https://", "http://")):
        raise table.error(key, f"is {text[:80]!r}", "begin it with https://, http:// or /")
    if any(letter.isspace() or not letter.isprintable() for letter in text):
        raise table.error(key, f"is {text[:80]!r}", "write it without spaces")
    return text


def _signal(table: Table) -> Signal:
    kind = cast(SignalKind, table.choice("kind", _KINDS))
    measures: Mapping[SignalKind, Sequence[str]] = {"requests": REQUESTS, "metric": AGGREGATIONS, "rum": RUM}
    measure = table.choice("measure", measures[kind])
    name = ""
    if kind == "metric":
        name = table.text("metric")
    elif kind == "rum":
        name = table.choice("metric", RUM_METRICS)
    of_backend = kind == "requests"
    signal = Signal(
        kind=kind,
        measure=measure,
        name=name,
        service=table.text("service", "") if kind != "rum" else "",
        operation=table.text("operation", "") if of_backend else "",
        environment=table.text("environment", ""),
        where=MappingProxyType(dict(table.pairs("where"))),
        by=table.texts("by"),
        most_groups=table.whole("most_groups", 20, 1, _MOST_GROUPS),
        unit=table.text("unit", "") if kind == "metric" else _unit(kind, name, measure),
    )
    table.done()
    _check_groups(table, signal)
    return signal


def _check_groups(table: Table, signal: Signal) -> None:
    most = _MOST_ATTRIBUTES if signal.kind == "metric" else 1
    if len(signal.by) > most:
        raise table.error("by", f"names {len(signal.by)} attributes", f"name at most {most}")
    if (
        signal.by == (SERVICE,)
        and signal.kind == "requests"
        and (signal.service or signal.operation or signal.where)
    ):
        raise table.error("by", "is service", "leave out service, operation and where, or group by another")
    if signal.by == (OPERATION,) and signal.operation:
        raise table.error("by", "is operation, which is chosen already", "leave one of them out")


def _unit(kind: SignalKind, name: str, measure: str) -> str:
    if measure in SHARES:
        return "1"
    if measure == "rate":
        return "1/s"
    if measure.startswith("p"):
        return "1" if kind == "rum" and name == "cls" else "ms"
    return "{request}" if kind == "requests" else "{event}"


def _condition(table: Table, signal: Signal) -> Condition:
    comparison, threshold, ratio = _threshold(table)
    if signal.measure in SHARES and threshold is not None and not 0 <= threshold <= 1:
        raise table.error(comparison, f"is {threshold:g}", "a share is written as a number from 0 to 1")
    least = _LEAST_METRIC_WINDOW if signal.kind == "metric" else "5s"
    condition = Condition(
        comparison=comparison,
        threshold=threshold,
        ratio=ratio,
        at_least=table.number("at_least", 0.0) if ratio is not None else 0.0,
        minimum=table.whole("minimum", 1, 1, 10**9),
        minimum_before=table.whole("minimum_before", 20, 1, 10**9) if ratio is not None else 20,
        window_ns=table.duration_ns("window", "60s", least, "24h"),
        for_ns=table.duration_ns("for", "0s", "0s", "24h"),
        resolve_after_ns=table.duration_ns("resolve_after", "0s", "0s", "24h"),
        no_data=cast(NoDataPolicy, table.choice("no_data", _POLICIES, "keep")),
    )
    table.done()
    return condition


def _threshold(table: Table) -> tuple[Comparison, float | None, float | None]:
    """(comparison, threshold, ratio), one of the last two."""
    keys = [key for each in _COMPARISONS for key in (each, f"{each}_hour_before") if table.has(key)]
    if len(keys) != 1:
        choices = "above, below, above_hour_before, below_hour_before"
        problem = "has no threshold" if not keys else f"has {len(keys)} thresholds"
        raise table.error(keys[-1] if keys else "above", problem, f"write one of: {choices}")
    comparison = cast(Comparison, keys[0].partition("_")[0])
    value = table.number(keys[0])
    if keys[0] == comparison:
        return comparison, value, None
    if value <= 0:
        raise table.error(keys[0], f"is {value:g}", "write how many times the hour before, above 0")
    return comparison, None, value
