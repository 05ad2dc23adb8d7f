"""What every view may reach: the reader, the settings and the clock of the app that runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, current_app

from observer.settings import Settings
from store.api import Reader

_KEY = "observer"


@dataclass(frozen=True, slots=True)
class Services:
    reader: Reader
    settings: Settings
    clock: Callable[[], int]
    """Nanoseconds since the Unix epoch."""


def install(app: Flask, services: Services) -> None:
    """Give an app its reader, settings and clock."""
    app.extensions[_KEY] = services


def services() -> Services:
    """Those of the app that answers now."""
    found: Services = current_app.extensions[_KEY]
    return found


def reader() -> Reader:
    """The store's reader."""
    return services().reader


def settings() -> Settings:
    """The settings of this app."""
    return services().settings


def now_unix_nano() -> int:
    """The present, from the app's clock (tests set it)."""
    return services().clock()
