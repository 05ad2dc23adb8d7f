"""The configurations of the OpenTelemetry Collector hang together, as far as can be told from reading."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

from tests.helpers import REPO

FILES = sorted((REPO / "deploy" / "otelcol").glob("*.yaml"))
VARIABLE = re.compile(r"\$\{env:([A-Z_]+):-[^}]*\}")


def _document(path: Path) -> dict[str, Any]:
    """A configuration as the Collector reads it: a way to another tool lies over that of a gateway."""
    document: dict[str, Any] = yaml.safe_load(path.read_text())
    if _is_laid_over(path):
        document = _merged(yaml.safe_load((path.parent / "gateway.yaml").read_text()), document)
    return document


def _is_laid_over(path: Path) -> bool:
    return path.name.startswith("to-")


def _merged(below: Any, above: Any) -> Any:
    """Maps are merged, anything else is replaced."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return below | {key: _merged(below.get(key), value) for key, value in above.items()}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_pipeline_names_only_what_is_defined(path: Path) -> None:
    document = _document(path)
    pipelines = document["service"]["pipelines"]
    assert {"traces", "logs"} <= set(pipelines)
    for pipeline in pipelines.values():
        for part in ("receivers", "processors", "exporters"):
            assert set(pipeline[part]) <= set(document[part])
            assert pipeline[part]
        # Refusing memory must come before all else.
        assert pipeline["processors"][0] == "memory_limiter"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_is_lost_on_the_way_to_the_lab_and_no_other_tool_stands_in_it(path: Path) -> None:
    """What cannot be sent is tried again and held back; another tool that is away holds nothing back."""
    for exporter in yaml.safe_load(path.read_text())["exporters"].values():
        if _is_laid_over(path):
            assert "sending_queue" not in exporter, "the default: tried again, dropped when the queue is full"
            continue
        assert exporter["sending_queue"]["block_on_overflow"] is True
        assert exporter["retry_on_failure"]["enabled"] is True


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_variable_has_a_default_and_is_explained(path: Path) -> None:
    text = path.read_text()
    readme = (path.parent / "README.md").read_text()
    names = VARIABLE.findall(text)
    assert names
    assert len(names) == text.count("${env:")
    assert [name for name in names if f"`{name}`" not in readme] == []


def test_the_tables_are_those_of_the_exporters_schema() -> None:
    document = yaml.safe_load((REPO / "deploy" / "otelcol" / "clickhouse.yaml").read_text())
    exporter = document["exporters"]["clickhouse"]
    assert (exporter["traces_table_name"], exporter["logs_table_name"]) == ("otel_traces", "otel_logs")
