"""Our configurations that send to other tools as well: what those receive, and that ours receives it, too.

The receivers stand for the tools: no Jaeger, Tempo or Splunk Observability Cloud was asked.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from tests.helpers import eventually
from tests.senders.collectors import collector
from tests.senders.conftest import Lab
from tests.senders.receivers import Receiver, over_grpc, over_http
from tests.senders.shop import send_all
from tests.senders.tools import BUILD_S

pytestmark = pytest.mark.timeout(BUILD_S + 120)
BASES = pytest.mark.parametrize("base", ["forward.yaml", "gateway.yaml"])


def _arrives(lab: Lab, trace_id: str) -> None:
    """Ours has it all."""
    eventually(lambda: lab.get(f"/apm/traces/{trace_id}")["spans"], "the trace in ours", within_s=30)
    eventually(lambda: lab.get("/logs", trace_id=trace_id)["logs"], "the log in ours", within_s=30)
    eventually(
        lambda: lab.get("/metrics", q=f"gauge.{trace_id}")["metrics"], "the metric in ours", within_s=30
    )


def _received(receiver: Receiver, path: str, needle: bytes) -> dict[str, str]:
    """The headers of the export in which it came."""
    return eventually(lambda: receiver.of(path, needle), f"{needle!r} at {path}", within_s=30)[0].headers


@BASES
def test_jaeger_gets_traces(base: str, lab: Lab, tmp_path: Path) -> None:
    with (
        over_grpc() as jaeger,
        collector(
            tmp_path, base, "to-jaeger.yaml", DECISION_WAIT="1s",
            HIPSTERLAB_OTLP_HTTP_URL=lab.otlp, JAEGER_ENDPOINT=jaeger.address,
        ) as ours,
    ):  # fmt: skip
        trace_id = send_all(ours.http)
        _received(jaeger, "", bytes.fromhex(trace_id))
        _arrives(lab, trace_id)


@BASES
def test_tempo_gets_traces_of_its_tenant(base: str, lab: Lab, tmp_path: Path) -> None:
    with (
        over_grpc() as tempo,
        collector(
            tmp_path, base, "to-tempo.yaml", DECISION_WAIT="1s",
            HIPSTERLAB_OTLP_HTTP_URL=lab.otlp, TEMPO_ENDPOINT=tempo.address, TEMPO_TENANT="class-a",
        ) as ours,
    ):  # fmt: skip
        trace_id = send_all(ours.http)
        headers = _received(tempo, "", bytes.fromhex(trace_id))
        _arrives(lab, trace_id)

    assert headers["x-scope-orgid"] == "class-a"


@BASES
def test_splunk_gets_traces_and_metrics_with_the_token_and_no_logs(
    base: str, lab: Lab, tmp_path: Path
) -> None:
    with (
        over_http() as splunk,
        collector(
            tmp_path, base, "to-splunk.yaml", DECISION_WAIT="1s", HIPSTERLAB_OTLP_HTTP_URL=lab.otlp,
            SPLUNK_INGEST_URL=splunk.address, SPLUNK_ACCESS_TOKEN="the-token",
        ) as ours,
    ):  # fmt: skip
        trace_id = send_all(ours.http)
        of_traces = _received(splunk, "/v2/trace/otlp", bytes.fromhex(trace_id))
        of_metrics = _received(splunk, "/v2/datapoint/otlp", f"gauge.{trace_id}".encode())
        _arrives(lab, trace_id)

    assert of_traces["x-sf-token"] == of_metrics["x-sf-token"] == "the-token"
    assert {each.path for each in splunk.requests} == {"/v2/trace/otlp", "/v2/datapoint/otlp"}


@BASES
def test_any_receiver_of_otlp_gets_everything(base: str, lab: Lab, tmp_path: Path) -> None:
    with (
        over_http() as other,
        collector(
            tmp_path, base, "to-otlp.yaml", DECISION_WAIT="1s", HIPSTERLAB_OTLP_HTTP_URL=lab.otlp,
            OTHER_OTLP_URL=other.address, OTHER_AUTHORIZATION="Bearer it",
        ) as ours,
    ):  # fmt: skip
        trace_id = send_all(ours.http)
        found = [
            _received(other, "/v1/traces", bytes.fromhex(trace_id)),
            _received(other, "/v1/logs", f"line of {trace_id}".encode()),
            _received(other, "/v1/metrics", f"gauge.{trace_id}".encode()),
        ]
        _arrives(lab, trace_id)

    assert {headers["authorization"] for headers in found} == {"Bearer it"}


@pytest.mark.parametrize(("percent", "kept"), [("0", False), ("100", True)])
def test_the_gateway_keeps_the_chosen_share_of_traces_without_an_error(
    percent: str, kept: bool, lab: Lab, tmp_path: Path
) -> None:
    """And those with one in any case; a trace that came before has been decided on before."""
    chosen = {"DECISION_WAIT": "2s", "SAMPLED_PERCENT": percent, "HIPSTERLAB_OTLP_HTTP_URL": lab.otlp}
    with collector(tmp_path, "gateway.yaml", **chosen) as ours:
        healthy = send_all(ours.http, failed=False)
        eventually(lambda: lab.get("/logs", trace_id=healthy)["logs"], "its log, whole", within_s=30)
        failed = send_all(ours.http)
        _arrives(lab, failed)

    answer = requests.get(f"{lab.api}/apm/traces/{healthy}", timeout=20)
    assert answer.status_code == (200 if kept else 404)
