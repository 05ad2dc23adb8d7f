"""The file of alerts for screens on other machines: `alerting` answers, `DistantAlertFile` asks.

A question is a method of `AlertFile` with its arguments as JSON. It is answered to who has the token only:
people acknowledge and silence by it, too.
"""

from __future__ import annotations

import hmac
import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from alerting.alert_file import AlertFile
from alerting.errors import AlertError

PREFIX: Final = "/alerts/"
MAX_BODY_BYTES: Final = 65_536
METHODS: Final = (
    *("alerts", "alert", "history", "counts", "detectors", "detector", "silences", "evaluator"),
    *("acknowledge", "silence", "end_silence"),
)
_PLAIN: Final[Mapping[Any, Any]] = {str: str, bool: bool, int: int, float: (float, int)}
_TIMEOUT_S: Final = 3.0
_CONNECTIONS: Final = 16


def answered(
    file: AlertFile, token: str, path: str, authorization: str, body: bytes
) -> tuple[str, dict[str, Any]]:
    """The status line and the JSON of an answer. A token that is empty fits nobody."""
    if not token or not hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
        return "403 Forbidden", {"message": "The token does not fit."}
    name = path.removeprefix(PREFIX)
    if name not in METHODS:
        return "404 Not Found", {"message": "There is no such question."}
    try:
        given = json.loads(body)
        hints, _ = _signature(name)
        arguments = {key: decoded(hints[key], value) for key, value in given.items()}
        inspect.signature(getattr(file, name)).bind(**arguments)
    except (ValueError, TypeError, LookupError, AttributeError):
        return "400 Bad Request", {"message": "The arguments do not fit."}
    try:
        return "200 OK", {"answer": encoded(getattr(file, name)(**arguments))}
    except AlertError as error:
        return "503 Service Unavailable", {"message": str(error), "remedy": error.remedy}


class DistantAlertFile(AlertFile):
    """The same answers and changes, of the process that keeps the file. Safe for several threads.

    Every method raises AlertError when that process does not answer, and works again once it does.
    """

    def __init__(self, url: str, token: str) -> None:
        import urllib3

        self.url = url.rstrip("/") + PREFIX
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._pool = urllib3.PoolManager(
            maxsize=_CONNECTIONS, timeout=_TIMEOUT_S, retries=False, headers=self._headers
        )

    def close(self) -> None:
        """Close the connections. Idempotent."""
        self._pool.clear()

    def ask(self, name: str, arguments: Mapping[str, object]) -> Any:
        """What a method of the file returns."""
        import urllib3

        body = json.dumps({key: encoded(value) for key, value in arguments.items()}).encode()
        try:
            response = self._pool.request("POST", self.url + name, body=body, redirect=False)
            found = json.loads(response.data)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise AlertError(
                f"The process that keeps the alerts does not answer ({type(error).__name__}).",
                "See whether `alerting` runs, and its log.",
            ) from error
        if response.status != 200:
            raise AlertError(str(found.get("message", "")), str(found.get("remedy", "See its log.")))
        return decoded(_signature(name)[1], found["answer"])


def _distant(name: str) -> Any:
    signature = inspect.signature(getattr(AlertFile, name))

    def method(self: DistantAlertFile, *positional: Any, **named: Any) -> Any:
        bound = signature.bind(self, *positional, **named)
        return self.ask(name, {key: value for key, value in bound.arguments.items() if key != "self"})

    return method


for _name in METHODS:
    setattr(DistantAlertFile, _name, _distant(_name))


@cache
def _signature(name: str) -> tuple[dict[str, Any], Any]:
    """The types of a method's arguments, and of what it returns."""
    hints = get_type_hints(getattr(AlertFile, name))
    return hints, hints.pop("return")


def encoded(value: Any) -> Any:
    """As JSON can hold it: dataclasses and mappings become objects, all else of several parts lists."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: encoded(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): encoded(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [encoded(each) for each in value]
    return sorted(value) if isinstance(value, (set, frozenset)) else value


def decoded(kind: Any, value: Any) -> Any:
    """A value of this type, from `encoded`. Raises TypeError, ValueError or LookupError if it is none."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        if value is None and NoneType in inner:
            return None
        return decoded(next(each for each in inner if each is not NoneType), value)
    if is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        return kind(**{each.name: decoded(hints[each.name], value[each.name]) for each in fields(kind)})
    if origin is tuple and inner[-1] is not Ellipsis:
        return tuple(decoded(one, each) for one, each in zip(inner, value, strict=True))
    if origin in (tuple, frozenset, Sequence):
        return (list if origin is Sequence else origin)(decoded(inner[0], each) for each in value)
    if origin is Mapping:
        return {key: decoded(inner[1], each) for key, each in value.items()}
    if kind is Any or (value in inner if origin is Literal else isinstance(value, _PLAIN[kind])):
        return value
    raise ValueError(f"{type(value).__name__} is no {kind}")


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
