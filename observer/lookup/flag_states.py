"""The flags that are really in use, read from the processes that use them, never from the flag file.

gRPC services answer `hipsterlab.FlagService`, plain HTTP ones `GET /_flags`. Knows that
interface (`protos`) and the addresses in the lab's status; no service's code.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import urlencode

from cachetools import TTLCache

import incidents
from incidents.model import Flag, Incident
from observer.lookup.lab_status import Process
from runtime import local_http

WITHOUT_FLAGS = frozenset({"collector", "control", "observer", "loadgen", "supervisor"})
"""Processes of the lab that are not part of the shop."""
_TIMEOUT_S = 0.7
_TTL_S = 4.0
_MOST_KEPT = 8
"""Seats that a desk looks at in the time that an answer is kept."""
_TO = "\u2013"
_OFF: tuple[object, ...] = (False, 0, "", None)


@dataclass(frozen=True, slots=True)
class FlagState:
    """One flag as one process uses it; values are JSON text."""

    service: str
    key: str
    people: str
    synthetic: str
    error: str

    @property
    def on(self) -> bool:
        """Whether the flag changes anything, for people or for synthetic traffic."""
        return not (_is_off(_value(self.people)) and _is_off(_value(self.synthetic)))

    @property
    def on_for_people(self) -> bool:
        """Whether the flag changes anything for people."""
        return not _is_off(_value(self.people))

    def describe(self, text: str) -> str:
        """One of the two values for people to read."""
        return describe(self.key, text)


@dataclass(frozen=True, slots=True)
class Flags:
    """The flags of all processes that answered."""

    states: tuple[FlagState, ...] = ()
    unanswered: tuple[str, ...] = ()
    """The names of the processes that did not."""
    incident: str | None = None
    """The incident with these flags; None where none or several have them."""


class Shopper(NamedTuple):
    """For whom a flag is evaluated: people at a seat, or at none, of a tenant level, or of none."""

    seat: str = ""
    tenant: str = ""


WITHOUT_SEAT: Final = Shopper()
"""Whoever has no seat and names no tenant level."""


class FlagReader:
    """Reads the flags of all processes at once, and keeps them for a few seconds."""

    def __init__(self, token: str = "") -> None:
        """`token` identifies the lab's screens to the shop's processes; empty where none is asked for."""
        self._token = token
        self._lock = threading.Lock()
        self._kept: TTLCache[tuple[tuple[Process, ...], tuple[Shopper, ...]], Mapping[Shopper, Flags]]
        self._kept = TTLCache(_MOST_KEPT, _TTL_S, timer=time.monotonic)

    def flags(self, processes: Sequence[Process]) -> Flags:
        """The flags that the shop's processes use for whoever has no seat. Takes no longer than a second."""
        return self.flags_of(processes, (WITHOUT_SEAT,))[WITHOUT_SEAT]

    def flags_of(self, processes: Sequence[Process], shoppers: Sequence[Shopper]) -> Mapping[Shopper, Flags]:
        """The flags that the shop's processes use for each of these shoppers.

        A process that stops to answer is asked for no more of them.
        """
        asked = tuple(p for p in processes if p.address and p.name not in WITHOUT_FLAGS)
        key = asked, tuple(shoppers)
        # The lock is held while reading: requests at the same time share one answer.
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                found = self._kept[key] = _read_all(*key, self._token)
            return found


def _read_all(
    processes: Sequence[Process], shoppers: Sequence[Shopper], token: str
) -> Mapping[Shopper, Flags]:
    if not processes:
        return dict.fromkeys(shoppers, Flags())
    with ThreadPoolExecutor(len(processes), "flags") as pool:
        answers = list(pool.map(lambda process: _read(process, shoppers, token), processes))
    return {
        shopper: _flags(processes, [answer[at] for answer in answers]) for at, shopper in enumerate(shoppers)
    }


_Answer: TypeAlias = tuple[FlagState, ...] | None
"""What one process says of one shopper; None where it does not answer."""


def _flags(processes: Sequence[Process], answers: Sequence[_Answer]) -> Flags:
    states = tuple(state for answer in answers if answer is not None for state in answer)
    unanswered = tuple(p.name for p, answer in zip(processes, answers, strict=True) if answer is None)
    return Flags(states, unanswered, matching(states))


def _read(process: Process, shoppers: Sequence[Shopper], token: str) -> Sequence[_Answer]:
    """One answer for each shopper."""
    first = _over_http(process, shoppers[0], token)
    if first is None:
        return _over_grpc(process, shoppers)
    return [first, *(_over_http(process, shopper, token) for shopper in shoppers[1:])]


def _over_http(process: Process, shopper: Shopper, token: str) -> _Answer:
    query = urlencode({key: value for key, value in shopper._asdict().items() if value})
    url = f"http://{process.address}/_flags{'?' if query else ''}{query}"
    try:
        answer = local_http.send(url, timeout_s=_TIMEOUT_S, token=token)
        document = json.loads(answer.body) if answer.status == 200 else None
    except (local_http.LocalHttpError, ValueError):
        return None
    rows = document.get("flags") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        return None
    return tuple(_state(process.name, row) for row in rows if isinstance(row, dict))


def _state(service: str, row: Mapping[str, object]) -> FlagState:
    key, people, synthetic, error = (str(row.get(n, "")) for n in ("key", "people", "synthetic", "error"))
    return FlagState(service, key, people, synthetic, error)


def _over_grpc(process: Process, shoppers: Sequence[Shopper]) -> Sequence[_Answer]:
    # Imported here: gRPC is large, and only these pages need it.
    import grpc

    from protos import lab_pb2, lab_pb2_grpc

    answers: list[_Answer] = []
    # gRPC would obey the shell's http_proxy, which cannot reach the lab's own services.
    with grpc.insecure_channel(process.address, (("grpc.enable_http_proxy", 0),)) as channel:
        stub = lab_pb2_grpc.FlagServiceStub(channel)
        try:
            for shopper in shoppers:
                request = lab_pb2.GetFlagsRequest(seat=shopper.seat, tenant=shopper.tenant)
                found = stub.GetFlags(request, timeout=_TIMEOUT_S)
                answers.append(
                    tuple(FlagState(process.name, f.key, f.people, f.synthetic, f.error) for f in found.flags)
                )
        except grpc.RpcError:
            pass
    return [*answers, *[None] * (len(shoppers) - len(answers))]


def matching(states: Sequence[FlagState], known: Mapping[str, Incident] | None = None) -> str | None:
    """The name of the only incident with these flags; None where none or several have them.

    Of two stories of one fault, it is the incident that has it.
    """
    if not states:
        return None
    known = known or incidents.load_all()[0]
    own = {name: incident for name, incident in known.items() if not incident.same_fault_as}
    fitting = [name for name, incident in own.items() if _fits(incident, states)]
    return fitting[0] if len(fitting) == 1 else None


def _fits(incident: Incident, states: Sequence[FlagState]) -> bool:
    flags = {flag.key: flag for flag in incident.flags}
    if any(key not in {state.key for state in states} for key in flags):
        return False
    return all(_equals(state, flags[state.key]) if state.key in flags else not state.on for state in states)


def _equals(state: FlagState, flag: Flag) -> bool:
    return (_value(state.people), _value(state.synthetic)) == (flag.people, flag.synthetic)


def describe(key: str, text: str) -> str:
    """`off`, `on`, `75 %`, a range in milliseconds, `click_ms 650, load_ms 200`; another shape stays JSON.

    The key gives the unit: names that end in `_ms` are milliseconds.
    """
    value = _value(text)
    unit = " ms" if key.endswith("_ms") else ""
    if _is_off(value):
        return "off"
    if value is True:
        return "on"
    if isinstance(value, float) and not unit and 0 < value <= 1:
        return f"{value * 100:.3g} %"
    if isinstance(value, dict) and value.keys() == {"min", "max"}:
        low, high = value["min"], value["max"]
        return f"{low}{unit}" if low == high else f"{low}{_TO}{high}{unit}"
    if isinstance(value, dict) and all(isinstance(part, int | float) for part in value.values()):
        return ", ".join(f"{name} {part}" for name, part in sorted(value.items()))
    return f"{text}{unit}" if isinstance(value, int | float) else text


def _is_off(value: object) -> bool:
    """Whether a value changes nothing; a table does not if all of its numbers are 0."""
    return all(part == 0 for part in value.values()) if isinstance(value, dict) else value in _OFF


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
