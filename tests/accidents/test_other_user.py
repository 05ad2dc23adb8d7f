"""Files that a user may not write, and a disk that is full: the reason is said, and the remedy works."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest
import requests

from tests import other_user
from tests.collector import build
from tests.helpers import REPO, eventually, free_port

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(name="folder")
def _folder() -> Iterator[Path]:
    with other_user.folder_of_user() as found:
        yield found


@contextmanager
def collector(folder: Path, url_port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The collector as that user."""
    settings = {
        "OTLP_HTTP_PORT": str(url_port),
        "OTLP_GRPC_PORT": str(free_port()),
        "STORE_PATH": str(folder / "store.sqlite3"),
    }
    process = subprocess.Popen(
        [*other_user.command(), "-m", "collector"],
        cwd=REPO,
        env=other_user.environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)
        assert process.stdout is not None
        process.stdout.close()


def runs(folder: Path) -> None:
    """Start the collector, see that it keeps something, and stop it."""
    port = free_port()
    with collector(folder, port):
        eventually(
            lambda: _send(port, 1).status_code == 200,
            "the collector keeps a span",
            within_s=30,
        )


def _send(port: int, number: int) -> requests.Response:
    return requests.post(
        f"http://127.0.0.1:{port}/v1/traces",
        data=build.traces([build.span(number)]).SerializeToString(),
        headers={"Content-Type": "application/x-protobuf"},
        timeout=10,
    )


def refused(folder: Path) -> str:
    """What the collector says that does not start."""
    with collector(folder, free_port()) as process:
        said = process.communicate(timeout=60)[0].decode()
        assert process.returncode not in (0, None)
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize("suffix", ["", ".lock"])
def test_a_store_that_may_not_be_written_is_named_and_the_remedy_works(folder: Path, suffix: str) -> None:
    """SQLite left an index of the same mode beside a read-only store, which outlived the remedy."""
    runs(folder)
    file = folder / f"store.sqlite3{suffix}"
    other_user.take(file)
    assert f"{file} cannot be written: make the file and its folder writable for this user." in refused(
        folder
    )
    other_user.give_back(file)
    runs(folder)


def test_a_log_of_a_store_that_may_not_be_written_is_made_writable(folder: Path) -> None:
    """It is this user's own; an earlier version left it so."""
    runs(folder)
    for suffix in ("-wal", "-shm"):
        file = folder / f"store.sqlite3{suffix}"
        file.touch()
        other_user.give(file)
        file.chmod(0o444)
    runs(folder)


def test_a_folder_that_may_not_be_written_is_named(folder: Path) -> None:
    other_user.take(folder, 0o555)
    said = refused(folder)
    assert str(folder) in said
    assert "writable for this user" in said
    other_user.give_back(folder, 0o755)
    runs(folder)


def test_carts_that_may_not_be_written_end_the_service_with_a_sentence(folder: Path) -> None:
    """It started well, and every order failed with `Uh, oh!`."""
    open_carts = (
        "import sys; from pathlib import Path\n"
        "from opentelemetry.trace import NoOpTracerProvider\n"
        "from services.cart.sqlite_carts import SqliteCarts\n"
        "from services.common.errors import StartError\n"
        "try:\n  SqliteCarts(Path(sys.argv[1]), NoOpTracerProvider()).close()\n"
        "except StartError as error:\n  sys.exit(str(error))\n"
    )
    file = folder / "carts.sqlite3"

    def opened() -> tuple[int, str]:
        asked = [*other_user.command(), "-c", open_carts, str(file)]
        done = subprocess.run(
            asked, cwd=REPO, env=other_user.environment(), capture_output=True, text=True, timeout=60
        )
        return done.returncode, done.stderr

    assert opened() == (0, "")
    other_user.take(file)
    code, said = opened()
    assert code == 1
    assert f"cannot keep carts in {file}" in said
    assert "Permission denied" in said
    other_user.give_back(file)
    assert opened() == (0, "")


def test_a_disk_that_fills_is_refused_and_told_and_works_again(folder: Path) -> None:
    """A real one of a few megabytes: nothing is acknowledged that is not kept."""
    disk = folder / "disk"
    disk.mkdir()
    options = f"size=8m,mode=755,uid={other_user.USER}"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        _fill_and_free(disk)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def _fill_and_free(disk: Path) -> None:
    port, numbers = free_port(), count(1)
    with collector(disk, port):
        eventually(lambda: _send(port, next(numbers)).status_code == 200, "a span is kept", within_s=30)
        filling = disk / "filling"
        with filling.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(os.urandom(4096))

        def refusal() -> bytes:
            told = _send(port, next(numbers))
            return told.content if told.status_code == 503 else b""

        assert b"full" in eventually(refusal, "a span is refused", within_s=30)
        filling.unlink()
        eventually(lambda: _send(port, next(numbers)).status_code == 200, "it goes on by itself", within_s=30)
