"""The real state of the faults: asked over gRPC and HTTP, matched with the incidents."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import pytest

import incidents
from classroom import SeatFault
from incidents import flag_tables, loading
from incidents.model import FlagValue
from observer.lookup import flag_states
from observer.lookup.flag_states import Shopper
from observer.lookup.lab_status import Process
from observer.screens.desk import flag_rows
from protos import lab_pb2, lab_pb2_grpc
from tests.helpers import free_port


def _written(value: FlagValue) -> str:
    return json.dumps(dict(value) if isinstance(value, Mapping) else value)


def states_of(name: str) -> list[flag_states.FlagState]:
    """What the services would say under an incident, those that are off too."""
    wanted = {flag.key: flag for flag in incidents.load(name).flags}
    known = flag_tables.known_flags(loading.read(loading.DATA / flag_tables.KNOWN))
    off = {key: _written(value) for key, value in known.items()}
    return [
        flag_states.FlagState("s", key, _written(wanted[key].people), _written(wanted[key].synthetic), "")
        if key in wanted
        else flag_states.FlagState("s", key, nothing, nothing, "")
        for key, nothing in off.items()
    ]


@pytest.mark.parametrize("name", incidents.names())
def test_what_the_services_say_names_the_incident(name: str) -> None:
    """Of two stories of one fault, the incident that has it: flags cannot tell them apart."""
    assert flag_states.matching(states_of(name)) == (incidents.load(name).same_fault_as or name)


def test_a_flag_changed_by_hand_fits_no_incident() -> None:
    states = states_of("invalid-token")
    states[1] = flag_states.FlagState("s", "payment_invalid_token", "0.5", "0.5", "")
    assert flag_states.matching(states) is None
    assert flag_states.matching([]) is None


def test_on_means_that_anybody_meets_it() -> None:
    assert flag_states.FlagState("s", "k", "0.0", "0.75", "").on
    assert not flag_states.FlagState("s", "k", '{"max": 0, "min": 0}', "false", "").on


class _Servicer(lab_pb2_grpc.FlagServiceServicer):
    """Mended for Anna; gold customers meet it less often."""

    def GetFlags(self, request: lab_pb2.GetFlagsRequest, context: object) -> lab_pb2.GetFlagsResponse:
        people = "0.0" if request.seat == "anna" else "0.5" if request.tenant == "gold" else "1.0"
        state = lab_pb2.FlagState(key="payment_invalid_token", people=people, synthetic="0.75")
        return lab_pb2.GetFlagsResponse(service="paymentservice", flags=[state])


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        people = "false" if "seat=jos%C3%A9" in self.path else "true"
        body = json.dumps({"flags": [{"key": "cart_price_typo", "people": people, "synthetic": "true"}]})
        self.send_response(200 if self.path.partition("?")[0] == "/_flags" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def processes() -> Iterator[tuple[Process, ...]]:
    server = grpc.server(ThreadPoolExecutor(2))
    lab_pb2_grpc.add_FlagServiceServicer_to_server(_Servicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    web = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=web.serve_forever, daemon=True)
    thread.start()
    yield (
        Process("paymentservice", "ready", 0, f"127.0.0.1:{port}"),
        Process("frontend", "ready", 0, f"127.0.0.1:{web.server_port}"),
        Process("gone", "ready", 0, f"127.0.0.1:{free_port()}"),
        Process("collector", "ready", 0, "127.0.0.1:1"),
        Process("control", "ready", 0, "127.0.0.1:1"),
    )
    server.stop(None)
    web.shutdown()
    web.server_close()
    thread.join(5)


def test_no_process_is_asked_through_a_proxy(
    processes: tuple[Process, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell's proxy made every gRPC service one that did not answer."""
    for name in ("http_proxy", "https_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)

    assert flag_states.FlagReader().flags(processes).unanswered == ("gone",)


def test_each_process_is_asked_in_its_own_way(processes: tuple[Process, ...]) -> None:
    found = flag_states.FlagReader().flags(processes)
    assert {(s.service, s.key, s.people) for s in found.states} == {
        ("paymentservice", "payment_invalid_token", "1.0"),
        ("frontend", "cart_price_typo", "true"),
    }
    assert found.unanswered == ("gone",)


def test_each_shopper_has_values_of_its_own(processes: tuple[Process, ...]) -> None:
    """As the targeting rules say, read back from every process; those that do not answer stay so."""
    asked = [Shopper(), Shopper("", "gold"), Shopper("anna"), Shopper("josé")]
    found = flag_states.FlagReader().flags_of(processes, asked)

    assert {who: sorted(state.people for state in each.states) for who, each in found.items()} == {
        asked[0]: ["1.0", "true"],
        asked[1]: ["0.5", "true"],
        asked[2]: ["0.0", "true"],
        asked[3]: ["1.0", "false"],
    }
    assert {each.unanswered for each in found.values()} == {("gone",)}


def test_a_flag_is_shown_with_whom_it_differs_for(processes: tuple[Process, ...]) -> None:
    faults = (
        SeatFault("anna", "invalid-token", 1, {"rollback": 2}),
        SeatFault("ben", "invalid-token", 1),
        SeatFault("josé", "none", 1),
    )
    asked = flag_rows.shoppers_of("", faults, "invalid-token")
    assert [each.seat for each in asked if each.seat and not each.tenant] == ["anna", "josé"]
    rows = flag_rows.flag_rows(flag_states.FlagReader().flags_of(processes, asked))

    assert [(row.key, row.on, row.people) for row in rows] == [
        ("cart_price_typo", True, "on"),
        ("payment_invalid_token", True, "100 %"),
    ]
    assert [(each.value, each.whom) for each in rows[0].differs] == [("off", "josé")]
    assert [(each.value, each.whom) for each in rows[1].differs] == [
        ("off", "anna"),
        ("50 %", "tenant gold, josé as tenant gold"),
    ]


def test_of_a_large_class_some_seats_are_left_out() -> None:
    faults = tuple(SeatFault(f"seat-{at}", "none", 1) for at in range(flag_rows.MOST_SEATS + 3))
    assert len(flag_rows.shoppers_of("", faults, "invalid-token")) == (
        1 + flag_rows.MOST_SEATS + 3 * (1 + flag_rows.MOST_WITH_TENANTS)
    )
    assert flag_rows.left_out(faults, "invalid-token") == 3
    assert flag_rows.left_out(faults, "none") == 0
    assert flag_rows.shoppers_of("anna", (), "")[0] == Shopper("anna")


def test_the_labs_token_is_sent_to_who_is_asked_over_http() -> None:
    """What is closed to students is open to the screens."""
    given: list[str | None] = []

    class Noting(_Handler):
        def do_GET(self) -> None:
            given.append(self.headers.get("Authorization"))
            super().do_GET()

    web = ThreadingHTTPServer(("127.0.0.1", 0), Noting)
    thread = threading.Thread(target=web.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    process = Process("frontend", "ready", 0, f"127.0.0.1:{web.server_port}")
    for token in ("t0ken", ""):
        assert flag_states.FlagReader(token).flags([process]).unanswered == ()
    web.shutdown()
    web.server_close()
    thread.join(5)
    assert given == ["Bearer t0ken", None]


def test_without_a_lab_nothing_is_asked() -> None:
    assert flag_states.FlagReader().flags(()) == flag_states.Flags()


@pytest.mark.parametrize(
    ("key", "json_text", "words"),
    [
        ("cart_price_typo", "true", "on"),
        ("cart_price_typo", "false", "off"),
        ("payment_invalid_token", "0.75", "75 %"),
        ("payment_invalid_token", "1.0", "100 %"),
        ("payment_invalid_token", "0.0", "off"),
        ("buttercup_delay_ms", '{"min":150,"max":250}', "150\u2013250 ms"),
        ("buttercup_delay_ms", '{"min":90,"max":90}', "90 ms"),
        ("buttercup_delay_ms", '{"min":0,"max":0}', "off"),
        ("frontend_vendor_script", '{"load_ms":200,"click_ms":650}', "click_ms 650, load_ms 200"),
        ("checkout_quote_retries", '{"deadline_ms":0,"retries":0}', "off"),
        ("of_tomorrow", '{"shape":"new"}', '{"shape":"new"}'),
        ("of_tomorrow", "not json", "not json"),
    ],
)
def test_a_flag_is_described_in_words(key: str, json_text: str, words: str) -> None:
    """An instructor reads what is on and how much; a shape that nobody knows is shown as it came."""
    assert flag_states.describe(key, json_text) == words
