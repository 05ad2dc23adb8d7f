"""What views may use of the running application: the store's reader, the class, the settings, the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Flask, current_app, g, request

from alerting import AlertFile
from classroom import ClassStore
from observer.request.fair_share import lent_reader
from observer.request.recorded_reader import RecordedCall, recording
from observer.settings import Settings
from store.api import Reader

P = ParamSpec("P")
R = TypeVar("R")

EXPLAIN = "_explain"
"""The query argument that, with the value 1, lists a page's questions to the store at its foot."""

_KEY = "observer"


@dataclass(frozen=True, slots=True)
class AppContext:
    """The parts of one application that views use."""

    reader: Reader
    settings: Settings
    clock: Callable[[], int]
    """Nanoseconds since the Unix epoch."""
    class_file: ClassStore | None = None
    """What is kept of the class, in open mode too; None where nothing is."""
    alert_file: AlertFile | None = None
    """Alerts and rules; None where none are evaluated."""


def install(app: Flask, app_context: AppContext) -> None:
    """Attach them to an application."""
    app.extensions[_KEY] = app_context
    app.before_request(_record_questions)


def _record_questions() -> None:
    if request.args.get(EXPLAIN) == "1":
        g.recorded_calls = []


def app_context() -> AppContext:
    """Those of the application that handles the current request."""
    found: AppContext = current_app.extensions[_KEY]
    return found


def reader() -> Reader:
    """The request's reader of the store; one that records its questions where it has `_explain=1`."""
    found = _reader()
    calls = recorded_calls()
    return found if calls is None else recording(found, calls)


def _reader() -> Reader:
    """In a process that the request has to itself, if it has one, else in this process."""
    return lent_reader() or app_context().reader


def one_snapshot(view: Callable[P, R]) -> Callable[P, R]:
    """The view, with all that it asks of the store answered from one moment, whatever arrives meanwhile."""

    @wraps(view)
    def whole(*args: P.args, **kwargs: P.kwargs) -> R:
        with _reader().snapshot():
            return view(*args, **kwargs)

    return whole


def recorded_calls() -> list[RecordedCall] | None:
    """The questions to the store so far, or None where they are not recorded."""
    calls: list[RecordedCall] | None = g.get("recorded_calls")
    return calls


def class_file() -> ClassStore | None:
    """What is kept of the class, in open mode too; None where nothing is."""
    return app_context().class_file


def alert_file() -> AlertFile | None:
    """Alerts and rules; None where none are evaluated."""
    return app_context().alert_file


def class_store() -> ClassStore | None:
    """The class with its roster; None in open mode, and where seats are signed without a roster."""
    return class_file() if settings().class_mode else None


def settings() -> Settings:
    """The settings of this app."""
    return app_context().settings


def can_act() -> bool:
    """Whether a control process runs beside the screens, by which desk and lesson change the lab."""
    return bool(settings().control_url)


def now_unix_nano() -> int:
    """The current time from the application's clock, which tests set."""
    return app_context().clock()
