"""The page of `doctor --class --listen`: which devices it counts, and what does not stop it."""

from __future__ import annotations

import http.client
import socket
import threading

import pytest

from lab.errors import LabError
from lab.setup.before_class import reach_test


class Listening:
    """A test page on a free loopback port, served by a thread until the block ends."""

    def __init__(self, own: list[str]) -> None:
        self.arrivals: list[tuple[str, int]] = []
        self.test = reach_test.ReachTest(0, own, lambda *arrival: self.arrivals.append(arrival))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self.test.run, args=(self._ended, 30.0))

    def __enter__(self) -> Listening:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(5)

    def get(
        self, source: str, path: str = "/", method: str = "GET"
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Ask from an address of the loopback network."""
        connection = http.client.HTTPConnection("127.0.0.1", self.test.port, 5, source_address=(source, 0))
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()


def test_each_device_is_counted_once() -> None:
    """By its address; this machine itself is none."""
    with Listening(["127.0.0.9"]) as listening:
        for source in ("127.0.0.1", "127.0.0.9", "127.0.0.2", "127.0.0.2", "127.0.0.3"):
            response, body = listening.get(source, "/join?seat=<script>")
            assert response.status == 200
            assert b"This phone reaches the lab" in body
            assert b"script" not in body
            assert response.headers["Content-Security-Policy"] == "default-src 'none'"
        head, body = listening.get("127.0.0.2", method="HEAD")
        assert (head.status, body) == (200, b"")

        assert listening.arrivals == [("127.0.0.2", 1), ("127.0.0.3", 2)]
        assert listening.test.devices == ["127.0.0.2", "127.0.0.3"]


def test_what_is_no_request_stops_nothing() -> None:
    """A device that sends anything else, or nothing, does not keep the next one out."""
    with (
        Listening([]) as listening,
        socket.create_connection(("127.0.0.1", listening.test.port), 5) as silent,
    ):
        with socket.create_connection(("127.0.0.1", listening.test.port), 5) as broken:
            broken.sendall(b"\x16\x03\x01\x00\r\n\r\n")
            assert b"400" in broken.recv(1000)
        response, _ = listening.get("127.0.0.4")
        assert response.status == 200
        assert silent.fileno() >= 0
        assert listening.test.devices == ["127.0.0.4"]


def test_only_so_many_devices_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends from ever new addresses fills nothing."""
    monkeypatch.setattr(reach_test, "MOST_DEVICES", 1)
    with Listening([]) as listening:
        listening.get("127.0.0.2")
        listening.get("127.0.0.3")
        assert listening.test.devices == ["127.0.0.2"]


def test_a_machine_without_ipv6_listens_on_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a port that is taken is one sentence."""
    setsockopt = socket.socket.setsockopt

    def without_ipv6(self: socket.socket, level: int, *more: int) -> None:
        if level == socket.IPPROTO_IPV6:
            raise OSError(97, "Address family not supported by protocol")
        setsockopt(self, level, *more)

    monkeypatch.setattr(socket.socket, "setsockopt", without_ipv6)
    with Listening([]) as listening:
        assert listening.get("127.0.0.2")[0].status == 200
        with pytest.raises(LabError, match=f"Port {listening.test.port} is in use"):
            reach_test.ReachTest(listening.test.port, [], lambda *_: None)


def test_listening_ends_by_itself() -> None:
    """After its time, with what came."""
    assert reach_test.ReachTest(0, [], lambda *_: None).run(threading.Event(), 0.01) == []


def test_the_port_is_taken_on_both_families() -> None:
    """A running lab's port is not taken over."""
    with Listening([]) as listening, pytest.raises(LabError, match="in use") as raised:
        reach_test.ReachTest(listening.test.port, [], lambda *_: None)
    assert "phone" in raised.value.remedy
