"""Real Collectors that run configurations of `deploy/otelcol` as they stand, told by variables alone."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.helpers import REPO, eventually, free_port
from tests.senders.tools import otelcol

CONFIGURATIONS = REPO / "deploy" / "otelcol"


@dataclass(frozen=True)
class Running:
    """Where a Collector listens."""

    http: str
    grpc: str


@contextmanager
def collector(folder: Path, *configurations: str, **variables: str) -> Iterator[Running]:
    """A Collector with these files, the later over the earlier, until the block ends.

    Fails with its last words if it does not listen or ends before.
    """
    http, grpc = free_port(), free_port()
    words = [word for name in configurations for word in ("--config", os.fspath(CONFIGURATIONS / name))]
    own = {"OTLP_HTTP_PORT": str(http), "OTLP_GRPC_PORT": str(grpc), **variables}
    log = folder / f"{'-'.join(configurations)}-{http}.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [os.fspath(otelcol()), *words], env={**os.environ, **own}, stdout=sink, stderr=subprocess.STDOUT
        )
        try:
            eventually(lambda: process.poll() is not None or _listens(grpc), "it listens", within_s=60)
            assert process.poll() is None, log.read_text()[-2000:]
            yield Running(f"http://127.0.0.1:{http}", f"127.0.0.1:{grpc}")
            assert process.poll() is None, log.read_text()[-2000:]
        finally:
            process.terminate()
            process.wait(30)


def _listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), 1):
        return True
