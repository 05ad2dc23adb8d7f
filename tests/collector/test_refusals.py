"""What was refused is told: in episodes, over restarts, and soon; what is sent again is kept once."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

import store
from collector.refusals import AGAIN_S, QUIET_S, SERIES, Refused
from store.api import StoreNote, StoreUnavailable, WriterHealth
from tests.collector import build
from tests.collector.conftest import Running
from tests.collector.test_process import Place
from tests.helpers import eventually
from tests.store.house import held

_WELL = WriterHealth()


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = build.T0

    def __call__(self) -> int:
        return self.now

    def go_on(self, seconds: float) -> None:
        self.now += round(seconds * 1e9)


def test_an_episode_counts_until_it_is_quiet_and_then_stays_as_past() -> None:
    """From the first to the last refusal, by kind of item."""
    clock = Clock()
    refused = Refused(clock=clock)
    refused.add("disk_full", "The disk is full: free some space.", {"spans": 1_000, "logs": 0})
    clock.go_on(1)
    refused.add("disk_full", "The disk is full: free some space.", {"spans": 234, "logs": 1})
    (now,) = refused.document(_WELL)["now"]
    assert (now["words"], now["amount"]) == ("disk full", "1,234 spans and 1 log")
    assert (now["since_unix_nano"], now["until_unix_nano"]) == (build.T0, build.T0 + 10**9)
    clock.go_on(QUIET_S + 0.1)
    told = refused.document(_WELL)
    assert told["now"] == []
    assert told["past"] == [now]


def test_the_same_soon_again_is_the_same_episode() -> None:
    """A disk that is nearly full takes some and refuses some: that is not told as twenty incidents."""
    clock = Clock()
    refused = Refused(clock=clock)
    for _ in range(5):
        refused.add("disk_full", "full", {"logs": 1})
        clock.go_on(QUIET_S + 1)
        refused.document(_WELL)
    clock.go_on(AGAIN_S)
    refused.add("disk_full", "full", {"logs": 1})
    told = refused.document(_WELL)
    assert [each["amount"] for each in (*told["now"], *told["past"])] == ["1 log", "5 logs"]


def test_a_store_in_trouble_is_told_before_anything_was_refused() -> None:
    """Nobody sends at night: the screens say it all the same."""
    refused = Refused(clock=Clock())
    trouble = WriterHealth("read_only", "It cannot be written: make it writable.", build.T0 - 5)
    (now,) = refused.document(trouble)["now"]
    assert (now["reason"], now["amount"], now["since_unix_nano"]) == ("read_only", "", build.T0 - 5)
    assert refused.document(_WELL) == {"now": [], "past": []}


def test_episodes_outlive_the_process_and_a_malformed_file_is_none(tmp_path: Path) -> None:
    """They stand in a small file beside the store."""
    file, clock = tmp_path / "store.refusals", Clock()
    Refused(file, clock).add("locked", "locked", {"spans": 3})
    (past,) = Refused(file, clock).document(_WELL)["past"]
    assert past["amount"] == "3 spans"
    for content in ("", "[", "{}", "[1]", '[{"reason": 1}]', "null"):
        file.write_text(content, "utf-8")
        assert Refused(file, clock).document(_WELL) == {"now": [], "past": []}


def test_a_file_that_cannot_be_written_harms_nothing(tmp_path: Path) -> None:
    """The disk is what failed."""
    refused = Refused(tmp_path / "missing" / "file", Clock())
    refused.add("disk_full", "full", {"spans": 3})
    refused.save()
    assert len(refused.document(_WELL)["now"]) == 1


def test_metrics_with_too_many_series_are_told_by_name_for_as_long_as_sdks_pause(tmp_path: Path) -> None:
    """One episode each, which goes on over the minute between two exports; of many names, few are told."""
    file, clock = tmp_path / "store.refusals", Clock()
    refused = Refused(file, clock)
    for _ in range(3):
        for name in ("a", "b" * 300):
            refused.add(SERIES, f"{name} has too many.", {"metric_points": 7}, name)
        clock.go_on(60)
    told = refused.document(_WELL)
    assert [each["amount"] for each in told["now"]] == ["21 metric points"] * 2
    assert [each["words"][:31] for each in told["now"]] == [
        "too many series of metric 'bbbb",
        "too many series of metric 'a'",
    ]
    assert all(len(each["words"]) < 80 for each in told["now"]), "the screens show so much of it"
    for number in range(100):
        refused.add(SERIES, "", {"metric_points": 1}, f"m{number}")
    now = refused.document(_WELL)["now"]
    assert len(now) == 10
    assert sum(each["counts"]["metric_points"] for each in now) == 142
    refused.save()
    past = Refused(file, clock).document(_WELL)["past"]
    assert "too many series of metric 'a'" in [each["words"] for each in past]


def test_stats_tell_refusals_by_signal_and_reason_and_what_happened_to_the_store(running: Running) -> None:
    """Beside the counts of requests that it always had."""
    running.writer.refusal = StoreUnavailable("The disk is full: free some space.", "disk_full")
    body = build.traces([build.span(1), build.span(2)]).SerializeToString()
    answer = requests.post(running.url + "/v1/traces", data=body, headers=build.PROTOBUF, timeout=5)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    running.writer.trouble = WriterHealth(
        "disk_full", "The disk is full: free some space.", 1, (StoreNote(7, "It was gone."),)
    )
    try:
        stats = requests.get(running.url + "/stats", timeout=5).json()
    finally:
        running.writer.trouble = WriterHealth()
    assert stats["store"]["writing"] is False
    (now,) = [each for each in stats["refusals"]["now"] if each["reason"] == "disk_full"]
    assert now["counts"]["spans"] >= 2
    assert "free some space" in now["message"]
    assert stats["notes"] == [{"at_unix_nano": 7, "text": "It was gone."}]


def test_a_locked_store_is_answered_soon_and_health_at_once(tmp_path: Path) -> None:
    """Sixteen senders, more than there are threads, and a health check beside them; later all is well."""
    place = Place(tmp_path)
    process = place.start()
    try:
        with held(place.store_path):
            assert _post_log(place, "warm") == 503
            with ThreadPoolExecutor(17) as pool:
                began = time.monotonic()
                answers = [pool.submit(_timed_post, place, f"line {number}") for number in range(16)]
                assert requests.get(place.url + "/healthz", timeout=5).text == "ok"
                health_s = time.monotonic() - began
                found = [answer.result() for answer in answers]
            assert {status for status, _ in found} == {503}
            assert max(took_s for _, took_s in found) < 2.0
            assert health_s < 1.0
            # Of a process that had no core for two seconds it is "slow" first.
            eventually(
                lambda: _post_log(place, "again") == 503 and _stats(place)["store"]["reason"] == "locked",
                "the reason is told",
                within_s=20,
            )
            assert _stats(place)["store"]["writing"] is False
        assert _post_log(place, "line 3") == 200
        assert _logs(place) == 1
        assert _stats(place)["store"]["writing"] is True
    finally:
        process.terminate()
        process.wait(10)


def test_a_sender_that_repeats_after_a_kill_has_its_logs_once(tmp_path: Path) -> None:
    """The answer is lost with the process at some moment; each batch is repeated until it is acknowledged."""
    place = Place(tmp_path)
    batches = 24
    for number in range(batches):
        if number % 6 == 0:
            process = place.start()
        if number % 6 == 5:
            _send_and_kill(place, process.pid, f"line {number}")
            process.wait(10)
            process = place.start()
        eventually(lambda number=number: _post_log(place, f"line {number}") == 200, "acknowledged")  # type: ignore[misc]  # a lambda's default has no type
        assert _post_log(place, f"line {number}") == 200
        if number % 6 == 5:
            os.kill(process.pid, signal.SIGKILL)
            process.wait(10)
    assert _logs(place) == batches


def _send_and_kill(place: Place, pid: int, text: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(_post_log, place, text)
        os.kill(pid, signal.SIGKILL)
        try:
            answer.result()
        except requests.RequestException:
            return


def _post_log(place: Place, text: str) -> int:
    """The status of one log whose time is that of its text: the same text is the same export."""
    at = build.T0 + sum(text.encode()) * 1000
    record: dict[str, Any] = {"timeUnixNano": str(at), "body": {"stringValue": text}}
    document = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    try:
        return requests.post(place.url + "/v1/logs", json=document, timeout=10).status_code
    except requests.ConnectionError:
        return 0


def _timed_post(place: Place, text: str) -> tuple[int, float]:
    began = time.monotonic()
    return _post_log(place, text), time.monotonic() - began


def _stats(place: Place) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(place.url + "/stats", timeout=5).json()
    return found


def _logs(place: Place) -> int:
    reader = store.open_reader(place.store_path)
    try:
        return reader.status().logs
    finally:
        reader.close()


@pytest.mark.parametrize("name", ["", "-wal", "-shm"])
def test_what_is_acknowledged_after_a_deletion_is_there(tmp_path: Path, name: str) -> None:
    """As a process: the file is deleted while it is sent to, and whatever is answered with 200 is found."""
    place = Place(tmp_path)
    process = place.start()
    try:
        assert _post_log(place, "before") == 200
        Path(f"{place.store_path}{name}").unlink()
        kept = sum(_post_log(place, f"after {number}") == 200 for number in range(20))
        assert kept > 0
        assert _logs(place) == kept + bool(name)
        assert bool(_stats(place)["notes"]) is not bool(name)
    finally:
        process.terminate()
        process.wait(10)
