"""The drivers of `lab verify` and its requests: the script, the choice of a browser, polling."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from incidents.checks import NoAnswer, Verdict
from incidents.model import Source
from lab.verify import incident_run, polling_client, student_visit
from lab.verify.visit_result import CannotVisit
from runtime import local_http
from runtime.local_http import Answer, LocalHttpError

SHOP = "http://127.0.0.1:8080"
OBSERVER = "http://127.0.0.1:8090"


class Student:
    """Stands in for `python -m loadgen.student`."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, output: str | BaseException, errors: str = ""
    ) -> None:
        self.arguments: list[str] = []
        self._output, self._errors = output, errors
        monkeypatch.setattr(subprocess, "run", self._run)

    def _run(self, argv: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        self.arguments = argv[3:]
        if isinstance(self._output, BaseException):
            raise self._output
        return subprocess.CompletedProcess(argv, 0, self._output, self._errors)


def test_the_script_sees_what_a_browser_would(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same field names; lines that are not an object are ignored."""
    account = {
        "seat": "anna",
        "script_errors": [{"message": "x is undefined"}],
        "order_total": "USD 0.00",
        "checkout": {
            "status": 500,
            "heading": "Uh, oh!",
            "duration_ms": 12.5,
            "server_timing": "traceparent;desc=x",
        },
        "error": "no confirmation",
    }
    student = Student(monkeypatch, f"{json.dumps(account)}\n[1]\nnot JSON\n")
    seen = student_visit.visit("script", SHOP, "anna", f"{SHOP}/?seat=anna")

    assert student.arguments == ["--shop", SHOP, "--seat", "anna", "--entry", f"{SHOP}/?seat=anna"]
    assert seen == {
        "driver": "script",
        "seat": "anna",
        "errors": ["x is undefined"],
        "cart": {"total": "USD 0.00"},
        "problem": "no confirmation",
        "checkout": {
            "status": 500,
            "heading": "Uh, oh!",
            "duration_ms": 12.5,
            "order_id": None,
            "total_paid": None,
            "server_timing": "traceparent;desc=x",
        },
    }


def test_a_visit_that_did_not_reach_the_checkout_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    Student(monkeypatch, '{"seat": "anna"}')
    seen = student_visit.visit("script", SHOP, "anna", SHOP)

    assert "checkout" not in seen
    assert "problem" not in seen


@pytest.mark.parametrize(
    ("output", "errors", "message"),
    [
        ("", "warning\nConnectionError: refused\n", "ConnectionError: refused"),
        ("", "", "it printed nothing"),
        (subprocess.TimeoutExpired("student", 60), "", "did not finish within 60 s"),
    ],
)
def test_a_script_that_fails_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, output: str | BaseException, errors: str, message: str
) -> None:
    Student(monkeypatch, output, errors)
    with pytest.raises(CannotVisit, match=message) as raised:
        student_visit.visit("script", SHOP, "anna", SHOP)

    assert raised.value.remedy


@pytest.mark.parametrize(
    ("requested", "browser", "playwright", "driver", "why"),
    [
        ("script", True, True, "script", "as requested"),
        ("auto", True, True, "browser", "a real browser, /usr/bin/chromium"),
        ("browser", True, True, "browser", "a real browser"),
        ("auto", True, False, "script", "Playwright is not installed"),
        ("auto", False, True, "script", "no Chromium was found"),
    ],
)
def test_the_driver_is_a_browser_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, requested: str, browser: bool, playwright: bool, driver: str, why: str
) -> None:
    monkeypatch.setattr(student_visit, "find_browser", lambda: Path("/usr/bin/chromium") if browser else None)
    monkeypatch.setattr(student_visit, "find_spec", lambda _: object() if playwright else None)
    found, reason = student_visit.choose_driver(requested)

    assert found == driver
    assert why in reason


def answering(answer: Answer | LocalHttpError) -> Callable[..., Answer]:
    """A `send` that always gives this answer."""

    def send(*_: object, **__: object) -> Answer:
        if isinstance(answer, LocalHttpError):
            raise answer
        return answer

    return send


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(404, "Not Found", b'{"error": {"message": "no such trace"}}'), "404 no such trace"),
        (Answer(502, "Bad Gateway", b"<html>"), "502 Bad Gateway"),
        (Answer(502, "Bad Gateway", b'{"error": "text"}'), "502 Bad Gateway"),
        (LocalHttpError("connection refused"), f"no answer from {OBSERVER}: connection refused"),
        (Answer(200, "OK", b"<html>"), f"no JSON from {OBSERVER}"),
    ],
)
def test_an_answer_that_is_none_says_why(
    monkeypatch: pytest.MonkeyPatch, answer: Answer | LocalHttpError, message: str
) -> None:
    """In the API's own words if it has any."""
    monkeypatch.setattr(local_http, "send", answering(answer))
    with pytest.raises(NoAnswer) as raised:
        polling_client.json_at(OBSERVER)

    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(503, "", b""), f"No useful answer from the shop at {SHOP} (status 503)."),
        (LocalHttpError("connection refused"), f"No answer from the shop at {SHOP} (connection refused)."),
    ],
)
def test_a_part_that_does_not_answer_is_named(
    monkeypatch: pytest.MonkeyPatch, answer: Answer | LocalHttpError, message: str
) -> None:
    """With its address and the reason; any status below 400 is an answer."""
    monkeypatch.setattr(local_http, "send", answering(answer))
    with pytest.raises(polling_client.Unreachable) as raised:
        polling_client.must_answer("the shop", SHOP)
    assert raised.value.message == message
    monkeypatch.setattr(local_http, "send", answering(Answer(302, "Found", b"")))
    polling_client.must_answer("the shop", SHOP)


def test_a_check_is_repeated_until_it_holds() -> None:
    verdicts = iter([Verdict(False, "none", {}), Verdict(False, "none", {}), Verdict(True, "one", {})])
    found = polling_client.Patience(5.0).settle(lambda: next(verdicts))

    assert (found.holds, found.seen) == (True, "one")


def test_without_time_a_check_is_made_once() -> None:
    count = 0

    def check() -> Verdict:
        nonlocal count
        count += 1
        return Verdict(False, "none", {})

    assert not polling_client.Patience(0.0).settle(check).holds
    assert count == 1


def test_a_path_of_another_host_is_not_requested() -> None:
    """A check's path is data, and may only lead to the screens."""
    answers = incident_run._answers(OBSERVER, lambda: {"driver": "script"})
    assert answers(Source.VISIT, "") == {"driver": "script"}
    with pytest.raises(NoAnswer, match="is not a path"):
        answers(Source.API, "http://elsewhere.test/")


def test_each_visit_has_a_seat_of_its_own() -> None:
    assert len({incident_run.new_seat() for _ in range(20)}) == 20
