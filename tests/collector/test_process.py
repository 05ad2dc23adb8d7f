"""The collector as a process: what it acknowledged is there after a kill -9, and how it starts and stops."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

import store
from signals.model import TraceId
from tests.collector import build
from tests.helpers import REPO, eventually, free_port, running

SPANS_PER_REQUEST = 7


class Place:
    """Where one test's collector lives."""

    def __init__(self, tmp_path: Path) -> None:
        self.http_port, self.grpc_port = free_port(), free_port()
        self.store_path = tmp_path / "telemetry.db"
        self.log = tmp_path / "collector.log"
        self.url = f"http://127.0.0.1:{self.http_port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "OTLP_HTTP_PORT": str(self.http_port),
            "OTLP_GRPC_PORT": str(self.grpc_port),
            "STORE_PATH": str(self.store_path),
        }

    def healthy(self) -> bool:
        return requests.get(self.url + "/healthz", timeout=2).text == "ok"

    def start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "collector"],
                cwd=REPO,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
            )
        eventually(self.healthy, "the collector answers")
        return process


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.timeout(150)  # twenty starts, on a machine that may be busy
def test_what_was_acknowledged_survives_a_kill(place: Place) -> None:
    acknowledged = []
    for attempt in range(20):
        process = place.start()
        try:
            spans = [build.span(1 + attempt * 100 + number) for number in range(SPANS_PER_REQUEST)]
            body = build.traces(spans).SerializeToString()
            answer = requests.post(place.url + "/v1/traces", data=body, headers=build.PROTOBUF, timeout=10)
            assert answer.status_code == 200, answer.content
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        acknowledged += [span.trace_id.hex() for span in spans]
    reader = store.open_reader(place.store_path)
    try:
        missing = [each for each in acknowledged if len(reader.spans_of_trace(TraceId(each))) != 1]
    finally:
        reader.close()
    assert missing == [], f"{len(missing)} of {len(acknowledged)} acknowledged spans are gone"


def test_a_term_signal_ends_it_cleanly_and_quickly(place: Place) -> None:
    process = place.start()
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    lines = [json.loads(line) for line in place.log.read_text().splitlines()]
    assert [line["message"] for line in lines] == ["receiving", "stopped"]
    assert all(line["service.name"] == "collector" for line in lines)


def test_connections_left_open_do_not_hold_up_the_end(place: Place) -> None:
    process = place.start()
    with socket.create_connection(("127.0.0.1", place.http_port)) as idle:
        idle.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0


@pytest.mark.parametrize("key", ["OTLP_HTTP_PORT", "OTLP_GRPC_PORT"])
def test_a_port_in_use_is_one_sentence(place: Place, key: str) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        environment = place.environment | {key: str(port)}
        said = subprocess.run(
            [sys.executable, "-m", "collector"],
            cwd=REPO,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=20,
        )
    assert said.returncode == 2
    (message,) = said.stderr.splitlines()
    assert str(port) in message
    assert key in message


def test_a_store_in_use_is_one_sentence(place: Place) -> None:
    with running("collector", place.environment, log=place.log):
        eventually(place.healthy, "the collector answers")
        second = Place(place.store_path.parent)
        said = subprocess.run(
            [sys.executable, "-m", "collector"],
            cwd=REPO,
            env={**os.environ, **second.environment},
            capture_output=True,
            text=True,
            timeout=20,
        )
    assert said.returncode == 2
    (message,) = said.stderr.splitlines()
    assert str(place.store_path) in message


def test_a_malformed_setting_names_key_value_and_what_is_allowed(place: Place) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "collector"],
        cwd=REPO,
        env={**os.environ, **place.environment, "OTLP_HTTP_PORT": "many"},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert said.returncode == 2
    assert said.stderr.strip() == ("OTLP_HTTP_PORT='many' is not understood: it must be a port, 0 to 65535.")


def test_many_senders_at_once_lose_nothing(place: Place) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def send(number: int) -> int:
        body = build.traces([build.span(1 + number * 10 + n) for n in range(10)]).SerializeToString()
        return requests.post(
            place.url + "/v1/traces", data=body, headers=build.PROTOBUF, timeout=20
        ).status_code

    with running("collector", place.environment, log=place.log):
        eventually(place.healthy, "the collector answers")
        with ThreadPoolExecutor(16) as pool:
            assert set(pool.map(send, range(100))) == {200}
        stats = requests.get(place.url + "/stats", timeout=5).json()
    assert stats["received"]["spans"] == 1_000
    assert stats["queue"] == {"requests": 0, "bytes": 0, "max_bytes": stats["queue"]["max_bytes"]}
    reader = store.open_reader(place.store_path)
    try:
        assert reader.status().spans == 1_000
    finally:
        reader.close()


def test_a_store_is_opened_by_its_address(place: Place, tmp_path: Path) -> None:
    """The address is stronger than the path."""
    path = tmp_path / "other.db"
    environment = {**os.environ, **place.environment, "STORE_URL": f"sqlite://{path}"}
    process = subprocess.Popen([sys.executable, "-m", "collector"], cwd=REPO, env=environment)
    try:
        eventually(place.healthy, "the collector answers")
    finally:
        process.terminate()
        process.wait(10)
    assert path.exists()
    assert not place.store_path.exists()


def test_a_server_that_does_not_answer_is_named_without_its_password(place: Place) -> None:
    """One sentence and the code that the lab does not start such a process again for."""
    pytest.importorskip("clickhouse_connect")
    for url in (f"clickhouse://me:secret@127.0.0.1:{free_port()}/otel", "clickhouse://me:secret@h:port/x"):
        ended = subprocess.run(
            [sys.executable, "-m", "collector"],
            cwd=REPO,
            env={**os.environ, **place.environment, "STORE_URL": url},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert ended.returncode == 2
        assert "cannot open the store" in ended.stderr
        assert "secret" not in ended.stderr + ended.stdout
        assert "Traceback" not in ended.stderr
        assert "HTTPConnection" not in ended.stderr
        assert "h:port" in url or f"{url.rpartition('@')[2]} does not answer" in ended.stderr
