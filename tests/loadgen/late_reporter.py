"""A worker of Locust's master that tells of its users only when it is asked to, by a line on its input.

    python -m tests.loadgen.late_reporter 127.0.0.1:5557

It prints the number of users that the master gives it, each time that it does. Importing Locust replaces the
standard library's blocking calls: so this is a process of its own.
"""

from __future__ import annotations

import gevent.monkey

gevent.monkey.patch_all()

import sys
from typing import Any

import gevent
from gevent.fileobject import FileObject
from locust.rpc import Message
from locust.rpc.zmqrpc import Client

_NAME = "late_reporter"
_HEARTBEAT_EVERY_S = 1


def _say(client: Client, kind: str, data: Any) -> None:
    client.send(Message(kind, data, _NAME))  # type: ignore[no-untyped-call]  # Locust leaves it untyped


def _beat(client: Client) -> None:
    while True:
        _say(client, "heartbeat", {"state": "spawning", "current_cpu_usage": 0})
        gevent.sleep(_HEARTBEAT_EVERY_S)


def _listen(client: Client, given: dict[str, int]) -> None:
    while True:
        message = client.recv()  # type: ignore[no-untyped-call]  # Locust leaves it untyped
        if message.type == "spawn":
            given.clear()
            given.update(message.data["user_classes_count"])
            sys.stdout.write(f"{sum(given.values())}\n")
            sys.stdout.flush()


def main(master: str) -> None:
    host, _, port = master.rpartition(":")
    client = Client(host, int(port), _NAME)  # type: ignore[no-untyped-call]  # as above
    _say(client, "client_ready", -1)
    given: dict[str, int] = {}
    gevent.spawn(_beat, client)
    gevent.spawn(_listen, client, given)
    for _ in FileObject(sys.stdin, "r"):
        users = {"user_classes_count": given, "user_count": sum(given.values())}
        _say(client, "spawning_complete", users)


if __name__ == "__main__":
    main(sys.argv[1])
