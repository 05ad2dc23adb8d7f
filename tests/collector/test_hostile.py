"""Bytes that no sender would send: the process lives, and no answer is a server's fault."""

from __future__ import annotations

import gzip
import json
import random
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import grpc
import pytest
import requests

import store
from collector.intake import Encoding, Intake, Signal
from collector.items import Undecodable
from store.api import SessionQuery, TraceQuery, Window
from tests.collector import build
from tests.collector.conftest import Running
from tests.helpers import eventually

SEED = 20_261_123
PATHS = ("/v1/traces", "/v1/logs", "/v1/metrics", "/v1/rum", "/v1/rumotlp")
TYPES = ("application/x-protobuf", "application/json", "text/plain;charset=UTF-8")


def mutations(
    rng: random.Random, seeds: list[bytes], count: int, *, most: int = 8, kinds: int = 5
) -> Iterator[bytes]:
    """Random bytes, and valid bodies with bytes flipped, cut, doubled or exchanged; one kind only flips."""
    for _ in range(count):
        body = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, most)):
            at = rng.randrange(len(body) + 1)
            kind = rng.randrange(kinds)
            if kind == 0 and at < len(body):
                body[at] = rng.randrange(256)
            elif kind == 1:
                del body[at : at + rng.randint(1, 20)]
            elif kind == 2:
                body[at:at] = rng.randbytes(rng.randint(1, 20))
            elif kind == 3:
                body[at:at] = body[at : at + rng.randint(1, 200)]
            else:
                body = bytearray(rng.randbytes(rng.randint(0, 300)))
        yield bytes(body)


def seeds() -> list[bytes]:
    nested = build.span(1, attributes={"a": "b", "n": 1, "error": True})
    nested.events.add(name="e", time_unix_nano=build.T0).attributes.append(build.pair("k", "v"))
    nested.links.add(trace_id=b"t" * 16, span_id=b"s" * 8)
    zipkin = build.recorded("zipkin")[2]["body"]
    otlp = build.recorded("otlp")[3]["body"]
    return [
        build.traces([nested, build.span(2)]).SerializeToString(),
        build.metrics(3).SerializeToString(),
        json.dumps(zipkin).encode(),
        json.dumps(otlp).encode(),
    ]


@pytest.mark.parametrize("path", PATHS)
def test_http_survives_anything(running: Running, path: str) -> None:
    rng = random.Random(f"{SEED}{path}")
    statuses: dict[int, int] = {}
    with requests.Session() as session:
        for body in mutations(rng, seeds(), 250):
            headers = {"Content-Type": rng.choice(TYPES)}
            if rng.random() < 0.2:
                headers["Content-Encoding"] = "gzip"
                body = gzip.compress(body, 1) if rng.random() < 0.5 else body
            answer = session.post(running.url + path, data=body, headers=headers, timeout=10)
            statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
    assert set(statuses) <= {200, 400, 415}, statuses
    assert 400 in statuses


def test_grpc_survives_anything(running: Running) -> None:
    rng = random.Random(SEED)
    method = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    seen = set()
    with grpc.insecure_channel(running.grpc_address) as channel:
        export = channel.unary_unary(method)
        for body in mutations(rng, seeds(), 250):
            try:
                export(body, timeout=10)
            except grpc.RpcError as error:
                seen.add(error.code())
    assert seen == {grpc.StatusCode.INVALID_ARGUMENT}


def test_json_of_every_wrong_shape(running: Running) -> None:
    shapes: list[object] = [None, True, 0, -1, 1e308, "", "x", [], [[]], {}, {"": {}}, [None], ["x"], 2**64]
    keys = ("resourceSpans", "resource", "scopeSpans", "scope", "spans", "attributes", "value", "traceId")
    for shape in shapes:
        for depth in range(len(keys)):
            document: object = shape
            for key in reversed(keys[: depth + 1]):
                document = {key: document if key in ("resource", "scope", "value", "traceId") else [document]}
            for path in ("/v1/traces", "/v1/rumotlp", "/v1/rum"):
                answer = requests.post(
                    running.url + path, data=json.dumps(document), headers=build.JSON, timeout=10
                )
                assert answer.status_code in (200, 400), (path, document, answer.text)


def test_raw_garbage_on_the_socket(running: Running) -> None:
    rng = random.Random(SEED)
    for _ in range(30):
        with socket.create_connection(("127.0.0.1", running.collector.http_port), timeout=5) as raw:
            raw.sendall(rng.randbytes(rng.randint(1, 500)))
    assert requests.get(running.url + "/healthz", timeout=5).text == "ok"


def test_senders_who_stall_take_no_thread(running: Running) -> None:
    stalled = []
    try:
        for _ in range(40):
            raw = socket.create_connection(("127.0.0.1", running.collector.http_port), timeout=5)
            raw.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
            stalled.append(raw)
        body = build.traces([build.span(1)]).SerializeToString()
        answer = requests.post(running.url + "/v1/traces", data=body, headers=build.PROTOBUF, timeout=5)
        assert answer.status_code == 200
    finally:
        for raw in stalled:
            raw.close()


def test_large_values_and_many_attributes_pass(running: Running) -> None:
    attributes: dict[str, object] = {f"key.{number}": number for number in range(2_000)}
    attributes["huge"] = "x" * 100_000
    body = build.traces([build.span(1, attributes=attributes)]).SerializeToString()
    answer = requests.post(running.url + "/v1/traces", data=body, headers=build.PROTOBUF, timeout=10)
    assert (answer.status_code, len(running.writer.spans)) == (200, 1)


def test_whatever_is_taken_can_be_kept_and_asked_for(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    writer = store.open_writer(tmp_path / "telemetry.db")
    intake = Intake(writer, max_in_flight_bytes=1_000_000)
    reader = store.open_reader(tmp_path / "telemetry.db")
    try:
        taken = 0
        for body in mutations(rng, seeds(), 600, most=2, kinds=1):
            encoding = Encoding.PROTOBUF
            if body[:1] in (b"[", b"{"):
                encoding = Encoding.ZIPKIN if body[:1] == b"[" else Encoding.JSON
            with suppress(Undecodable):
                taken += intake.take(Signal.TRACES, encoding, body).accepted
        assert taken > 100
        window = Window(0, 2**63 - 1)
        status = reader.status()
        assert status.spans > 10
        assert status.rejected > 10
        eventually(lambda: reader.find_traces(TraceQuery(window, limit=1_000)).items, "traces are settled")
        for trace in reader.find_traces(TraceQuery(window, limit=1_000)).items:
            assert reader.spans_of_trace(trace.trace_id)
        for session in reader.find_sessions(SessionQuery(window, limit=1_000)).items:
            assert reader.spans_of_session(session.session_id)
    finally:
        reader.close()
        writer.close()
