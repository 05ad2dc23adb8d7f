"""An agent reads the telemetry of the lab by the Model Context Protocol, over HTTP and standard input."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import requests
from werkzeug.serving import make_server

from observer.agents import questions
from tests.fixtures.seed import MESSAGE, SEAT, SESSION, TRACE
from tests.helpers import eventually, free_port, running
from tests.observer.screens import Screens

mcp = pytest.importorskip("mcp")

_READING = {
    "services",
    "service_map",
    "find_traces",
    "trace",
    "breakdown",
    "changes",
    "find_sessions",
    "session",
    "find_logs",
    "find_metrics",
    "metric",
    "exam",
}


@pytest.fixture(scope="module")
def observer_url(screens: Screens) -> Iterator[str]:
    """The seeded observer on a port."""
    server = make_server("127.0.0.1", 0, screens.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def agents_url(observer_url: str) -> Iterator[str]:
    """The server of agents as a process of its own."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/mcp"
    with running("observer.agents", {}, ["--observer", observer_url, "--port", str(port)]):
        # A GET of its own address would open a stream.
        eventually(
            lambda: requests.get(f"http://127.0.0.1:{port}/", timeout=5).status_code, "it", within_s=30
        )
        yield url


def _with_client(server: Any, work: Callable[[Any], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with mcp.Client(server) as client:
            return await work(client)

    return asyncio.run(run())


async def _ask(client: Any, tool: str, **arguments: object) -> Any:
    result = await client.call_tool(tool, arguments)
    text = "".join(part.text for part in result.content)
    assert not result.is_error, text
    return json.loads(text)


def test_an_agent_solves_the_invalid_token(agents_url: str) -> None:
    """From the question (why can this user not pay?) to the log line and the version at fault."""

    async def solve(client: Any) -> tuple[str, str, str]:
        sessions = await _ask(client, "find_sessions", attributes=[f"enduser.id:{SEAT}"])
        (session,) = sessions["sessions"]
        events = (await _ask(client, "session", session_id=session["session_id"]))["events"]
        failed = next(event for event in events if event["error"] and event["apm"])
        trace = await _ask(client, "trace", trace_id=failed["apm"]["trace_id"])
        origin = next(
            span for span in trace["spans"] if span["error"] == "origin" and span["kind"] == "server"
        )
        logs = await _ask(client, "find_logs", trace_id=trace["trace_id"], severity=["error"])
        line = next(log["body"] for log in logs["logs"] if log["service"] == origin["service"])
        values = await _ask(client, "breakdown", service=origin["service"], tag="version")
        worst = max(values["values"], key=lambda each: each["origin_errors"] / each["requests"])
        return origin["service"], line, worst["value"]

    assert _with_client(agents_url, solve) == ("paymentservice", MESSAGE, "v350.10")


def test_every_tool_answers(agents_url: str) -> None:
    """Those that read are marked so, and each gives JSON."""

    async def ask_all(client: Any) -> None:
        listed = (await client.list_tools()).tools
        assert {tool.name for tool in listed if tool.annotations.read_only_hint} == _READING
        assert {tool.name for tool in listed} == _READING | {"answer_exam"}
        assert all(tool.description for tool in listed)
        needed: dict[str, dict[str, object]] = {
            "trace": {"trace_id": TRACE},
            "session": {"session_id": SESSION},
            "breakdown": {"tag": "version"},
        }
        metrics = (await _ask(client, "find_metrics"))["metrics"]
        needed["metric"] = {"name": metrics[0]["name"]}
        for name in sorted(_READING):
            assert await _ask(client, name, **needed.get(name, {}))

    _with_client(agents_url, ask_all)


def test_a_refusal_says_what_helps(agents_url: str) -> None:
    """The API's message and remedy reach the agent, also of an answer that does not exist."""

    async def refused(client: Any) -> list[str]:
        answers = [
            await client.call_tool("trace", {"trace_id": "nothing"}),
            await client.call_tool("services", {"since": "soon"}),
            await client.call_tool("find_traces", {"limit": 100_000}),
            await client.call_tool("answer_exam", {"service": "a", "kind": "b", "evidence": "c"}),
        ]
        assert all(answer.is_error for answer in answers)
        return ["".join(part.text for part in answer.content) for answer in answers]

    unread, unknown, too_many, no_seat = _with_client(agents_url, refused)
    assert "32 hexadecimal digits" in unread
    assert "15m, 2h or 1d" in unknown
    assert "200" in too_many
    assert "seat" in no_seat


def test_what_is_not_this_machine_is_refused(agents_url: str) -> None:
    """Neither a page of another origin nor a name that leads here (DNS rebinding) reaches a tool."""
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    accept = {"Accept": "application/json, text/event-stream"}
    for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
        answer = requests.post(agents_url, json=asked, headers=accept | headers, timeout=10)
        assert answer.status_code in (403, 421), answer.text
    assert requests.post(agents_url, json=asked, headers=accept, timeout=10).status_code < 403


def test_standard_input_serves_the_same(observer_url: str) -> None:
    """For agents that start their servers themselves."""
    command = mcp.StdioServerParameters(
        command=sys.executable, args=["-m", "observer.agents", "--observer", observer_url]
    )

    async def ask(client: Any) -> Any:
        return await _ask(client, "services")

    names = {service["service"] for service in _with_client(command, ask)["services"]}
    assert "paymentservice" in names


def test_one_long_text_keeps_no_agent_from_the_others(observer_url: str) -> None:
    """The seeded logs hold megabytes of hostile text: it is cut, and the cut is said."""
    whole = requests.get(f"{observer_url}/api/v1/logs", params={"limit": "50"}, timeout=30).json()
    shown = json.loads(questions.Api(observer_url).get("/logs", {"limit": 50}))
    assert [log["log_id"] for log in shown["logs"]] == [log["log_id"] for log in whole["logs"]]
    assert "… (cut here: " in json.dumps(shown, ensure_ascii=False)


def test_an_answer_that_is_too_long_is_refused(observer_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent is told to ask for less, in place of a cut document."""
    monkeypatch.setattr(questions, "MOST_CHARACTERS", 10)
    with pytest.raises(questions.Refused, match="ask for less"):
        questions.Api(observer_url).get("/apm/services")


def test_a_lab_that_does_not_run_is_named() -> None:
    """The tool's error is a sentence."""
    with pytest.raises(questions.Refused, match="is the lab running"):
        questions.Api(f"http://127.0.0.1:{free_port()}").get("/apm/services")
