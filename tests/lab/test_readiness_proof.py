"""The readiness proof: one order, and the telemetry by which it is found in every pipeline."""

from __future__ import annotations

import json
import runpy
import sys
from typing import Any

import pytest

from lab.run import readiness_proof

CHECKOUT = {"status": 500, "trace_id": "ab"}
ACCOUNT: dict[str, Any] = {"session_id": "5e", "checkout": CHECKOUT}


class Answers(readiness_proof.Observer):
    """An observer whose answers are given."""

    def __init__(self, **answers: Any) -> None:
        super().__init__("http://observer.test/")
        self._answers = {
            "sessions": {"events": [{"apm": None}, {"apm": {"trace_id": "ab"}}]},
            "traces": {
                "spans": [{"service": name} for name in ("frontend", "checkoutservice", "paymentservice")]
            },
            "logs": {"logs": [{}]},
            **answers,
        }

    def get(self, path: str, **query: str) -> dict[str, Any]:
        found: dict[str, Any] = next(answer for part, answer in self._answers.items() if part in path)
        return found


def test_the_proof_passes_when_every_pipeline_shows_the_checkout() -> None:
    """It names the session and the trace."""
    assert readiness_proof.look_for(Answers(), ACCOUNT, 500) == {
        "passed": True,
        "detail": "session 5e, trace ab",
        "remedy": "",
    }


@pytest.mark.parametrize(
    ("account", "detail", "log"),
    [
        ({"error": "no products"}, "the student could not shop: no products.", "frontend"),
        (
            {**ACCOUNT, "checkout": {"status": 200, "trace_id": "ab"}},
            "the order was answered with 200 instead of 500.",
            "frontend checkoutservice",
        ),
        ({**ACCOUNT, "session_id": None}, "the shop's pages carry no RUM agent.", "frontend"),
        ({**ACCOUNT, "checkout": {"status": 500}}, "its answer has no Server-Timing.", "frontend"),
    ],
)
def test_a_checkout_that_went_wrong_is_named(account: dict[str, Any], detail: str, log: str) -> None:
    """With the log to read."""
    assert readiness_proof.look_for(Answers(), account, 500) == {
        "passed": False,
        "detail": detail,
        "remedy": f"See: python3 -m lab logs {log}",
    }


@pytest.mark.parametrize(
    ("answers", "detail", "log"),
    [
        ({"traces": {"spans": [{"service": "frontend"}]}}, "the trace of its checkout", "paymentservice"),
        ({"logs": {}}, "a log line of that trace", "paymentservice"),
        ({"sessions": {}}, "its browser session", "collector"),
    ],
)
def test_the_first_pipeline_without_the_checkout_is_named(
    monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any], detail: str, log: str
) -> None:
    """After its time is over."""
    monkeypatch.setattr(readiness_proof, "WITHIN_S", 0.01)
    result = readiness_proof.look_for(Answers(**answers), ACCOUNT, 500)

    assert result["detail"].startswith(f"{detail} did not arrive within")
    assert result["remedy"].endswith(log)


def test_an_observer_that_does_not_answer_yet_has_nothing() -> None:
    """A refused connection is no error while the lab starts."""
    assert readiness_proof.Observer("http://127.0.0.1:9").get("/api/v1/logs", trace_id="ab") == {}


@pytest.mark.parametrize("end", ["returns", "exits"])
def test_the_student_is_run_and_its_last_object_read(monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    """Other lines that it prints are ignored."""

    def student(module: str, **_: object) -> None:
        assert (module, sys.argv[1:]) == (
            readiness_proof.STUDENT,
            ["--shop", "http://shop.test", "--seat", "lab-probe", "--entry", "/?seat=x"],
        )
        sys.stdout.write(f"walking\n[1]\n{json.dumps(ACCOUNT)}\n7\n")
        if end == "exits":
            raise SystemExit(0)

    monkeypatch.setattr(sys, "argv", ["test"])
    monkeypatch.setattr(runpy, "run_module", student)

    assert readiness_proof.shop_once("http://shop.test", "/?seat=x") == ACCOUNT


@pytest.mark.parametrize("passes", [True, False])
def test_the_proof_prints_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], passes: bool
) -> None:
    """Its exit code is 0 or 1; a student that printed nothing is a reason, too."""

    def student(*_: object, **__: object) -> None:
        if passes:
            sys.stdout.write(json.dumps(ACCOUNT))
        raise SystemExit(3)

    monkeypatch.setattr(sys, "argv", ["test"])
    monkeypatch.setattr(runpy, "run_module", student)
    monkeypatch.setattr(readiness_proof, "Observer", lambda _: Answers())
    code = readiness_proof.main(["http://shop.test", "http://observer.test", "500"])
    line = json.loads(capsys.readouterr().out)

    assert (code, line["passed"]) == ((0, True) if passes else (1, False))
    assert passes or line["detail"] == "the student could not shop (exit code 3)."
