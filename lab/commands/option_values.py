"""Parses values of options that several verbs take."""

from __future__ import annotations

from lab.errors import UsageError
from runtime.addresses import NotAnAddress, public_address


def shop_address(url: str, option: str) -> str:
    """The shop's base address given by an option, normalized. Raises UsageError naming the option."""
    try:
        return public_address(url)
    except NotAnAddress as error:
        raise UsageError(f"{option}: {error}", error.remedy) from error


def store_address(url: str) -> str:
    """The address given by `--store`. Raises UsageError, which never shows a password."""
    if not url.startswith(("clickhouse://", "sqlite:///")):
        raise UsageError(
            "--store: this is no address of a store.",
            "Write clickhouse://host:8123/database or sqlite:///folder/file.",
        )
    return url
