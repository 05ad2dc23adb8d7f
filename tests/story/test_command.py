"""The verify command over HTTP, on canned answers: formats, exit codes, and a sentence where it cannot."""

from __future__ import annotations

import json
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import incidents
from incidents.checks import NoAnswer
from incidents.model import Source
from lab.verify import incident_run, main, student_visit
from lab.verify.visit_result import CannotVisit, Visit
from tests.helpers import free_port
from tests.story import canned
from tests.story.canned import SEAT, Story, before_repairs


@contextmanager
def served(story: Story) -> Iterator[str]:
    """A story's answers over HTTP, for shop and screens alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if "health" in self.path:
                return self.answer(200, "ok")
            try:
                self.answer(200, story.ask(Source.API, self.path))
            except NoAnswer as reason:
                error = {"code": "unknown", "message": str(reason).removeprefix("404 "), "remedy": ""}
                self.answer(404, {"error": error})

        def answer(self, status: int, content: Any) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def story(monkeypatch: pytest.MonkeyPatch) -> Story:
    """A story that holds, for the one seat that the next visit gets."""
    # A long run of the whole suite comes here a quarter of an hour after the module was imported.
    monkeypatch.setattr(canned, "BEGAN", time.time_ns())
    made = Story()
    monkeypatch.setattr(incident_run, "new_seat", lambda: SEAT)
    monkeypatch.setattr(incident_run, "choose_driver", lambda _: ("script", "a test"))
    monkeypatch.setattr(incident_run, "visit", lambda *_: made.visit)
    return made


def run(story: Story, *arguments: str) -> int:
    with served(story) as url:
        return main(["--shop", url, "--observer", url, "--within", "0.2", *arguments])


def test_text_has_one_line_per_step_and_exits_0(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(story) == 0
    printed = capsys.readouterr().out.splitlines()
    steps = [line for line in printed if line.startswith("  ok")]
    incident = incidents.load("invalid-token")
    assert len(steps) == len(before_repairs(incident)), "\n".join(printed)
    unchecked = [line for line in printed if "not checked: these screens offer no repair" in line]
    assert len(unchecked) == len(incident.checks) + len(incident.proofs) - len(steps), (
        "the rest needs repairs, and says so"
    )
    assert printed[-1].startswith("invalid-token: every link holds")
    assert "a test" in printed[1], "it says who walked the path"


def test_a_broken_link_exits_1_and_is_named(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    story.logs.clear()
    assert run(story) == 1
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in printed if line.startswith("  BROKEN")] == ["log-line"], "\n".join(
        printed
    )
    assert "1 link is broken: log-line" in printed[-1]


def test_json_has_exactly_the_agreed_shape(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    story.sessions.clear()
    assert run(story, "--format", "json") == 1
    printed = json.loads(capsys.readouterr().out)
    assert set(printed) == {"passed", "incidents"}
    (incident,) = printed["incidents"]
    assert set(incident) == {"name", "passed", "steps"}
    assert (printed["passed"], incident["name"], incident["passed"]) == (False, "invalid-token", False)
    assert {frozenset(step) for step in incident["steps"]} == {
        frozenset({"name", "passed", "detail", "seconds"})
    }
    steps = {step["name"]: step for step in incident["steps"]}
    assert steps["session"]["detail"].startswith("expected ")
    assert steps["log-line"]["detail"].startswith("not reached: it depends on charge-refused")


def test_junit_counts_what_broke_and_what_was_not_reached(
    story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    story.events[2]["apm"] = None
    assert run(story, "--format", "junit") == 1
    suite = ET.fromstring(capsys.readouterr().out).find("testsuite")
    assert suite is not None
    assert suite.get("failures") == "1"
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert failed == ["apm-link"]
    assert int(suite.get("skipped", "0")) == len(suite.findall("testcase/skipped")) > 5


def test_late_telemetry_is_waited_for(story: Story) -> None:
    lines, story.logs = story.logs, []
    real_ask = story.ask

    def ask(source: Source, path: str) -> Any:
        if "/logs" in path and sum("/logs" in one for one in story.asked) > 2:
            story.logs = lines
        return real_ask(source, path)

    story.ask = ask  # type: ignore[method-assign]  # the same answers, the logs a little later
    assert run(story, "--within", "5") == 0, "a line that comes late is not a broken link"


def test_a_shop_that_is_away_is_one_sentence(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    with served(story) as url:
        absent = f"http://127.0.0.1:{free_port()}"
        assert main(["--shop", absent, "--observer", url]) == 2
        printed = capsys.readouterr().err.splitlines()
        assert printed[0] == f"No answer from the shop at {absent}/_healthz (connection refused)."
        assert main(["--shop", url, "--observer", absent]) == 2
        printed = capsys.readouterr().err.splitlines()
        assert printed[0] == f"No answer from the screens at {absent}/healthz (connection refused)."


def test_an_unknown_incident_is_one_sentence(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(story, "--incident", "no-such") == 2
    message, remedy = capsys.readouterr().err.splitlines()
    assert message == "There is no incident named no-such."
    assert remedy.startswith("Use one of: ")
    assert "invalid-token" in remedy


def test_one_address_alone_needs_a_running_lab(
    story: Story, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("LAB_RUN_DIR", str(tmp_path))
    assert main(["--shop", "http://127.0.0.1:1"]) == 2
    assert "Give both --shop and --observer." in capsys.readouterr().err


def test_a_browser_that_will_not_start_is_done_without(
    story: Story, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def visit(driver: str, *_: str) -> Visit:
        if driver == "browser":
            raise CannotVisit("The browser could not be driven: no display.")
        return story.visit

    monkeypatch.setattr(incident_run, "choose_driver", lambda _: ("browser", "a real browser"))
    monkeypatch.setattr(incident_run, "visit", visit)
    assert run(story) == 0
    printed = capsys.readouterr()
    assert "because the browser could not be driven" in printed.out, "it says who walked in the end"
    assert run(story, "--driver", "browser") == 2, "but a browser that was demanded is not done without"


def test_a_browser_that_is_required_and_missing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM_PATH", "/nowhere/chromium")
    with pytest.raises(CannotVisit, match="no Chromium was found"):
        student_visit.choose_driver("browser")
    driver, why = student_visit.choose_driver("auto")
    assert driver == "script", "without a browser the script walks"
    assert "no Chromium was found" in why, "and it says so"
