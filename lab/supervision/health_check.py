"""Polls processes until they are healthy, in a process of its own, so that the supervisor needs no gRPC.

`python -m lab.supervision.health_check '{"name": ["grpc", "127.0.0.1:7000"], "other": ["/healthz", …]}'`
prints each name on a line of its own as soon as it answers, and ends after the last.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence

from runtime import local_http

FIRST_PAUSE_S = 0.01
LONGEST_PAUSE_S = 0.1
ANSWER_TIMEOUT_S = 1.0


def main(argv: Sequence[str]) -> int:
    """Poll until all have answered; only then does it end by itself."""
    waiting: dict[str, list[str]] = json.loads(argv[0])
    pause_s = FIRST_PAUSE_S
    while waiting:
        before = len(waiting)
        for name, (kind, address) in list(waiting.items()):
            if is_ready(kind, address):
                del waiting[name]
                sys.stdout.write(f"{name}\n")
                sys.stdout.flush()
        if waiting:
            # Where one has answered, the next is near.
            pause_s = min(pause_s * 1.3, LONGEST_PAUSE_S) if len(waiting) == before else FIRST_PAUSE_S
            time.sleep(pause_s)
    return 0


def is_ready(kind: str, address: str) -> bool:
    """Whether an address is healthy, by gRPC health when `kind` is `grpc`, else by a GET of that path."""
    return _grpc_serving(address) if kind == "grpc" else _http_ok(address, kind)


def _http_ok(address: str, path: str) -> bool:
    try:
        return local_http.send(f"http://{address}{path}", timeout_s=ANSWER_TIMEOUT_S).status == 200
    except local_http.LocalHttpError:
        return False


def _grpc_serving(address: str) -> bool:
    import socket

    host, _, port = address.rpartition(":")
    try:
        # A refused connection is noticed at once; a gRPC channel would back off for a second.
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_TIMEOUT_S).close()
    except OSError:
        return False
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=ANSWER_TIMEOUT_S
            )
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
