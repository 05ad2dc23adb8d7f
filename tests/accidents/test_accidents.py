"""Accidents at a whole lab under load: it is whole again by itself, and what was acknowledged is there."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import secrets
import signal
import sqlite3
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from benchmarks import labs, recovery
from benchmarks.measure import get_json
from benchmarks.witness import Witness, log_request
from loadgen.agent import Exchange
from loadgen.requests_client import RequestsClient
from loadgen.student import CHECKOUT_FIELDS, DEFAULT_PRODUCT
from tests.helpers import eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]

_AWAY_S = 2.5


def test_kill_of_any_one_process_under_load(lab: labs.Lab) -> None:
    """Kill -9 of each but the supervisor: shop and screens come back, no acknowledged item is gone."""
    result = recovery.measure(lab)

    assert {name for name, _ in result.seconds} >= {
        "frontend",
        "collector",
        "observer",
        "forkserver",
        "control",
    }
    assert result.acknowledged > 20
    assert result.lost == []


def test_a_collector_that_stays_away_loses_nothing_of_the_shop(lab: labs.Lab) -> None:
    """Orders placed while it dies again and again are whole afterwards: spans of every service, and logs."""
    placed: list[str] = []
    over = threading.Event()

    def keep_away() -> None:
        while not over.wait(0.02):
            pid = lab.pids().get("collector")
            if pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=keep_away, daemon=True)
    killer.start()
    until = time.monotonic() + _AWAY_S
    while time.monotonic() < until:
        placed.append(_order(lab.url("shop")))
    over.set()
    killer.join()

    assert placed
    for trace_id in placed:
        eventually(lambda trace_id=trace_id: _is_complete(lab, trace_id), f"all of {trace_id}", within_s=20)  # type: ignore[misc]  # a lambda's default has no type
    assert lab.drop_notices() == []


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process are set on Linux only")
def test_a_full_disk_is_refused_in_one_sentence_and_got_over(lab: labs.Lab) -> None:
    """The collector may not let its files grow: senders are told why and to try again; later it goes on."""
    witness = Witness(lab.url("otlp_http"))
    assert witness.post_one()
    with _no_room(lab):
        said = eventually(
            # Random, as what repeats is packed and needs no room.
            lambda: _refusal(lab, secrets.token_hex(250_000)),
            "a batch is refused for want of room",
            within_s=15,
        )
    eventually(witness.post_one, "it takes again when there is room", within_s=10)

    assert "disk" in said
    assert "\n" not in said
    assert witness.missing(lab.url("observer")) == []


def test_a_locked_database_is_told_in_one_sentence_and_got_over(lab: labs.Lab) -> None:
    """Another program holds the file: senders hear of it and try again; nothing acknowledged is lost."""
    witness = Witness(lab.url("otlp_http"))
    assert witness.post_one()
    other = sqlite3.connect(_store(lab), isolation_level=None, timeout=5)
    other.execute("BEGIN IMMEDIATE")
    try:
        said = eventually(
            lambda: _refusal(lab, "seen"), "a batch is refused while the file is locked", within_s=20
        )
    finally:
        other.execute("ROLLBACK")
        other.close()
    eventually(witness.post_one, "it takes again when the lock is gone", within_s=10)

    assert "locked by another program" in said
    assert witness.missing(lab.url("observer")) == []


def test_a_deleted_store_is_noticed_said_and_begun_anew(lab: labs.Lab) -> None:
    """Under load: whatever is acknowledged after the deletion is found, and the screens say what happened."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{_store(lab)}{suffix}").unlink()
    status = f"{lab.url('observer')}/api/v1/status"
    notes = eventually(lambda: get_json(status)["telemetry"]["notes"], "it is said", within_s=10)
    witness = Witness(lab.url("otlp_http"))
    eventually(witness.post_one, "it takes again", within_s=10)

    assert "was deleted or moved away while it was written" in notes[0]["text"]
    assert get_json(status)["ready"] is True
    assert witness.missing(lab.url("observer")) == []
    with urllib.request.urlopen(lab.url("observer"), timeout=20) as page:
        assert "was deleted or moved away" in page.read().decode()


def test_spans_from_another_time_are_kept(lab: labs.Lab) -> None:
    """A sender's clock that jumps an hour ahead or a day back harms neither the store nor what follows."""
    witness = Witness(lab.url("otlp_http"))
    jumped = [time.time_ns() + 3600 * 10**9, time.time_ns() - 24 * 3600 * 10**9]
    trace_ids = [secrets.token_bytes(16) for _ in jumped]
    for trace_id, now in zip(trace_ids, jumped, strict=True):
        assert _post(lab, log_request(trace_id, now)) == (200, "")
    assert witness.post_one()

    assert witness.missing(lab.url("observer")) == []
    for trace_id in trace_ids:
        logs = f"{lab.url('observer')}/api/v1/logs?trace_id={trace_id.hex()}&from=0&to={2**62}"
        assert len(get_json(logs)["logs"]) == 1


def test_a_data_folder_that_cannot_be_written_is_one_sentence(lab: labs.Lab, tmp_path: Path) -> None:
    """`lab up` says which folder and what to do, and starts nothing."""
    folder = tmp_path / "in-the-way"
    folder.write_text("a file", "utf-8")
    refused = labs.Lab(tmp_path / "run", 0).command(
        "up", "--detach", "--free-ports", "--data", str(folder / "data")
    )

    assert refused.returncode == 1
    assert str(folder) in refused.stderr
    assert "Traceback" not in refused.stderr
    assert len(refused.stderr.strip().splitlines()) <= 2


def _order(shop: str) -> str:
    """The trace id of a checkout that went through."""
    client = RequestsClient(10.0)
    form = {"product_id": DEFAULT_PRODUCT, "quantity": "1"}
    client.send("POST", f"{shop}/cart", name="", headers={}, data=form)
    reply = client.send("POST", f"{shop}/cart/checkout", name="", headers={}, data=CHECKOUT_FIELDS)
    client.close()
    assert reply.status == 200, "an order goes through while the collector is away"
    return Exchange(reply.url, 0, 0, 200, server_timing=reply.server_timing).link()["link.traceId"]


def _is_complete(lab: labs.Lab, trace_id: str) -> bool:
    api = f"{lab.url('observer')}/api/v1"
    trace = get_json(f"{api}/apm/traces/{trace_id}")
    services = {span["service"] for span in trace["spans"] if not span["inferred"]}
    logs = get_json(f"{api}/logs?trace_id={trace_id}&since=15m")["logs"]
    wanted = {"frontend", "checkoutservice", "paymentservice", "cartservice", "emailservice"}
    return bool(trace["complete"]) and services >= wanted and bool({log["service"] for log in logs} & wanted)


def _post(lab: labs.Lab, body: bytes) -> tuple[int, str]:
    """Status and, of a refusal, the sentence."""
    url = f"{lab.url('otlp_http')}/v1/logs"
    request = urllib.request.Request(url, body, {"Content-Type": "application/x-protobuf"}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status), ""
    except urllib.error.HTTPError as error:
        with error:
            status = Status.FromString(error.read())
            return error.code, str(status.message)


def _refusal(lab: labs.Lab, said: str) -> str:
    """The sentence of a retryable refusal of one log line; empty if it was taken."""
    status, sentence = _post(lab, log_request(secrets.token_bytes(16), time.time_ns(), said))
    assert status in (200, 429, 503)
    return sentence


def _store(lab: labs.Lab) -> Path:
    return Path(json.loads((lab.folder / "run.json").read_text("utf-8"))["data"]) / "store.sqlite3"


@contextlib.contextmanager
def _no_room(lab: labs.Lab) -> Iterator[None]:
    """No file of the collector may grow beyond the largest that it has."""
    pid = lab.pids()["collector"]
    largest = max(path.stat().st_size for path in _store(lab).parent.iterdir())
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
