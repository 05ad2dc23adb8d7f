"""Services as processes: they start, tell their health, say why they cannot, and leave cleanly."""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from protos import hipstershop_pb2 as pb, hipstershop_pb2_grpc as rpc
from runtime.settings import describe
from services.common.clients import Connection, Target
from services.common.settings import CommonSettings
from services.common.telemetry import Identity, build
from tests.helpers import REPO, eventually, free_port, running

BACKENDS = (
    "ad",
    "cart",
    "catalog",
    "checkout",
    "currency",
    "email",
    "payment",
    "recommendation",
    "shipping",
)
NOWHERE = {"OTEL_SDK_DISABLED": "true"}


def serving(port: int) -> bool:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        try:
            status = check(health_pb2.HealthCheckRequest(), timeout=1).status
        except grpc.RpcError:
            return False
    return bool(status == health_pb2.HealthCheckResponse.SERVING)


def run(module: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module],
        cwd=REPO,
        env={**os.environ, **NOWHERE, **environ},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


FORKS = """
import importlib, os, sys
for pair in sys.argv[1:]:
    importlib.import_module(f"services.{pair.partition(':')[0]}.server")
for pair in sys.argv[1:]:
    name, port = pair.split(":")
    if os.fork() == 0:
        os.environ["PORT"] = port
        os._exit(importlib.import_module(f"services.{name}.server").main([]))
codes = [os.waitstatus_to_exitcode(os.wait()[1]) for _ in sys.argv[1:]]
sys.exit(max(codes))
"""


def test_forked_backends_serve_and_leave_with_zero(tmp_path: Path) -> None:
    ports = {name: free_port() for name in BACKENDS}
    log = tmp_path / "log"
    with log.open("wb") as sink:
        parent = subprocess.Popen(
            [sys.executable, "-c", FORKS, *(f"{name}:{port}" for name, port in ports.items())],
            cwd=REPO,
            env={**os.environ, **NOWHERE, "CART_DB": str(tmp_path / "carts"), "PYTHONPATH": str(REPO)},
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        for name, port in ports.items():
            eventually(lambda port=port: serving(port), f"{name} answers SERVING", within_s=20)  # type: ignore[misc]
        pids = [json.loads(line)["pid"] for line in log.read_text().splitlines() if '"Serving"' in line]
        assert len(set(pids)) == len(BACKENDS)
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        assert parent.wait(5) == 0, log.read_text()
    finally:
        if parent.poll() is None:
            os.killpg(parent.pid, signal.SIGKILL)
            parent.wait()
    messages = [json.loads(line)["message"] for line in log.read_text().splitlines()]
    assert messages.count("Stopped") == len(BACKENDS)


def test_the_provider_serves_and_leaves_with_zero(tmp_path: Path) -> None:
    import urllib3

    port = free_port()
    with running("services.buttercup", {"PORT": str(port)}, log=tmp_path / "log") as process:

        def healthy() -> bool:
            try:
                return (
                    urllib3.request("GET", f"http://127.0.0.1:{port}/_healthz", retries=False).data == b"ok"
                )
            except urllib3.exceptions.HTTPError:
                return False

        eventually(healthy, "buttercup is healthy", within_s=20)
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 0


@pytest.mark.parametrize("module", ["services.ad", "services.buttercup"])
def test_a_taken_port_is_one_sentence(module: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run(module, PORT=str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Address already in use; set PORT" in done.stderr


def test_a_bad_setting_is_one_line_and_code_two() -> None:
    done = run("services.payment", PORT="x")
    assert (done.returncode, done.stderr) == (
        2,
        "PORT='x' is not understood: it must be a port, 0 to 65535.\n",
    )


def test_a_cart_file_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("services.cart", CART_DB=str(tmp_path / "file" / "x"))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "set CART_DB" in done.stderr


def test_carts_survive_a_kill_and_callers_are_back_within_a_second(tmp_path: Path) -> None:
    port = free_port()
    environ = {**NOWHERE, "PORT": str(port), "CART_DB": str(tmp_path / "carts.sqlite3")}
    user = "c0614c97-663d-4d9b-9532-59dc70463e39"
    telemetry = build(Identity("caller"))
    connection = Connection(Target(f"127.0.0.1:{port}", "cartservice"), telemetry)
    carts = connection.stub(rpc.CartServiceStub, deadline_s=2)

    def lines() -> list[tuple[str, int]]:
        try:
            items = carts.GetCart(pb.GetCartRequest(user_id=user)).items
        except grpc.RpcError:
            return []
        return [(item.product_id, item.quantity) for item in items]

    with running("services.cart", environ) as process:
        eventually(lambda: serving(port), "cart answers SERVING", within_s=20)
        item = pb.CartItem(product_id="9SIQT8TOJO", quantity=3)
        carts.AddItem(pb.AddItemRequest(user_id=user, item=item))
        process.kill()
        process.wait(5)
        assert lines() == []
    with running("services.cart", environ):
        eventually(lambda: serving(port), "cart answers SERVING again", within_s=20)
        eventually(lambda: lines() == [("9SIQT8TOJO", 3)], "the same channel finds the cart", within_s=1.5)
    connection.close()


@pytest.mark.parametrize("name", [*BACKENDS, "buttercup"])
def test_every_setting_is_in_the_rooms_readme(name: str) -> None:
    module = importlib.import_module(f"services.{name}.server")
    common = {each.env for each in describe(CommonSettings)}
    readme = (REPO / "services" / name / "README.md").read_text()
    for each in describe(module.Settings):
        assert each.env in common or f"`{each.env}`" in readme
    assert "**Break it:**" in readme
