"""Asks the store and the lab from which part of a page's time range there is data."""

from __future__ import annotations

from flask import request

from observer.components.data_time import DataTime, data_time
from observer.lookup.lab_status import lab_of
from observer.request import context
from observer.request.scope import Scope
from store.api import Reader

_UP = frozenset({"ready", "running"})


def load_data_time(reader: Reader, scope: Scope) -> DataTime:
    """The part of the scope's window that has requests, and words for the rest."""
    lab = lab_of(context.settings(), request.headers.get("Host", ""))
    down = [process.name for process in lab.processes if process.state not in _UP]
    return data_time(reader.coverage(scope.window), scope.window, scope.now_unix_nano, scope.zone, down)
