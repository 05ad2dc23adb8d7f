"""Which faults are really on: asked of the very processes that would use them, never of the file.

gRPC services answer `hipsterlab.FlagService`, plain HTTP ones `GET /_flags`. Knows
the interface (`protos`) and the addresses that the lab tells; no service's code.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import incidents
from incidents.model import Flag, Incident
from observer.components.lab_status import Process

NOT_ASKED = frozenset({"collector", "observer", "loadgen", "supervisor"})
"""Processes of the lab that are no part of the shop."""
_WITHIN_S = 0.7
_KEPT_FOR_S = 4.0
_MOST_BYTES = 100_000
_TO = "\u2013"
_OFF: tuple[object, ...] = (False, 0, "", None, {"min": 0, "max": 0})


@dataclass(frozen=True, slots=True)
class State:
    """One flag as one process would use it now; values are JSON text."""

    service: str
    key: str
    people: str
    synthetic: str
    error: str

    @property
    def on(self) -> bool:
        """Whether it breaks anything, for anybody."""
        return _value(self.people) not in _OFF or _value(self.synthetic) not in _OFF

    def words(self, text: str) -> str:
        """One of the two values as people say it; the flag's name gives the unit."""
        return words(self.key, text)


@dataclass(frozen=True, slots=True)
class Flags:
    """What the processes said, and which of them said nothing."""

    states: tuple[State, ...] = ()
    silent: tuple[str, ...] = ()
    incident: str | None = None
    """The one incident that these states are those of; None where none or several fit."""


class Asker:
    """Asks all at once, and again only after a few seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: tuple[float, Sequence[Process], Flags] | None = None

    def flags(self, processes: Sequence[Process]) -> Flags:
        """The real flags of the shop's processes. Takes no longer than a second."""
        wanted = tuple(p for p in processes if p.address and p.name not in NOT_ASKED)
        with self._lock:
            if self._kept and self._kept[1] == wanted and time.monotonic() - self._kept[0] < _KEPT_FOR_S:
                return self._kept[2]
            found = _ask_all(wanted)
            self._kept = (time.monotonic(), wanted, found)
            return found


def _ask_all(processes: Sequence[Process]) -> Flags:
    if not processes:
        return Flags()
    with ThreadPoolExecutor(len(processes), "flags") as pool:
        answers = list(pool.map(_ask, processes))
    states = tuple(state for answer in answers if answer is not None for state in answer)
    silent = tuple(p.name for p, answer in zip(processes, answers, strict=True) if answer is None)
    return Flags(states, silent, matching(states))


def _ask(process: Process) -> tuple[State, ...] | None:
    found = _over_http(process)
    return found if found is not None else _over_grpc(process)


def _over_http(process: Process) -> tuple[State, ...] | None:
    connection = http.client.HTTPConnection(process.address, timeout=_WITHIN_S)
    try:
        connection.request("GET", "/_flags")
        answer = connection.getresponse()
        document = json.loads(answer.read(_MOST_BYTES)) if answer.status == 200 else None
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    rows = document.get("flags") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        return None
    return tuple(_state(process.name, row) for row in rows if isinstance(row, dict))


def _state(service: str, row: Mapping[str, object]) -> State:
    key, people, synthetic, error = (str(row.get(n, "")) for n in ("key", "people", "synthetic", "error"))
    return State(service, key, people, synthetic, error)


def _over_grpc(process: Process) -> tuple[State, ...] | None:
    # Only a reader of these pages needs gRPC: the observer starts, and mostly lives, without it.
    import grpc

    from protos import lab_pb2, lab_pb2_grpc

    with grpc.insecure_channel(process.address) as channel:
        try:
            stub = lab_pb2_grpc.FlagServiceStub(channel)
            answer = stub.GetFlags(lab_pb2.GetFlagsRequest(), timeout=_WITHIN_S)
        except grpc.RpcError:
            return None
    return tuple(State(process.name, f.key, f.people, f.synthetic, f.error) for f in answer.flags)


def matching(states: Sequence[State], known: Mapping[str, Incident] | None = None) -> str | None:
    """The only incident whose flags these are; None where none or several fit, or nothing was said."""
    if not states:
        return None
    known = known or {name: incidents.load(name) for name in incidents.names()}
    fitting = [name for name, incident in known.items() if _fits(incident, states)]
    return fitting[0] if len(fitting) == 1 else None


def _fits(incident: Incident, states: Sequence[State]) -> bool:
    wanted = {flag.key: flag for flag in incident.flags}
    if any(key not in {state.key for state in states} for key in wanted):
        return False
    return all(_is(state, wanted[state.key]) if state.key in wanted else not state.on for state in states)


def _is(state: State, flag: Flag) -> bool:
    return (_value(state.people), _value(state.synthetic)) == (flag.people, flag.synthetic)


def words(key: str, text: str) -> str:
    """`off`, `on`, `75 %`, a range in milliseconds; what has no such shape is shown as it was told."""
    value = _value(text)
    unit = " ms" if key.endswith("_ms") else ""
    if value in _OFF:
        return "off"
    if value is True:
        return "on"
    if isinstance(value, float) and not unit and 0 < value <= 1:
        return f"{value * 100:.3g} %"
    if isinstance(value, dict) and value.keys() == {"min", "max"}:
        low, high = value["min"], value["max"]
        return f"{low}{unit}" if low == high else f"{low}{_TO}{high}{unit}"
    return f"{text}{unit}" if isinstance(value, int | float) else text


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
