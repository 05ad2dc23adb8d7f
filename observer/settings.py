"""What the observer can be told from outside: one dataclass, read from the environment."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from runtime.addresses import NotAnAddress, base_address


class BadSetting(ValueError):
    """A setting is malformed; names the key, the value and what is allowed."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All of the observer's settings; each field's metadata holds its variable and what it is for."""

    port: int = field(default=8090, metadata={"env": "PORT", "help": "port to serve on, 1 to 65535"})
    listen_addr: str = field(default="127.0.0.1", metadata={"env": "LISTEN_ADDR", "help": "address to bind"})
    store_path: Path = field(
        default=Path("hipster-lab.db"),
        metadata={"env": "STORE_PATH", "help": "the store that the collector writes"},
    )
    lab_status_file: str = field(
        default="",
        metadata={
            "env": "LAB_STATUS_FILE",
            "help": "JSON that the lab keeps about its processes; empty where there is no lab",
        },
    )
    flags_file: str = field(
        default="",
        metadata={
            "env": "HIPSTERLAB_FLAGS_FILE",
            "help": "the flags of the running incident: since it was written, orders count for the lesson; "
            "empty where there is none",
        },
    )
    shop_url: str = field(
        default="",
        metadata={"env": "SHOP_URL", "help": "where the shop is, for links; empty where there is none"},
    )
    shop_public_url: str = field(
        default="",
        metadata={
            "env": "SHOP_PUBLIC_URL",
            "help": "where readers reach the shop, such as https://shop.example.org; empty: at the host by "
            "which they reached the screens",
        },
    )
    seat_secret: str = field(
        default="",
        metadata={
            "env": "SEAT_SECRET",
            "help": "class mode: signs the seat links that the screens offer; empty is open mode",
        },
    )
    otlp_http_url: str = field(
        default="http://127.0.0.1:4318",
        metadata={"env": "OTLP_HTTP_URL", "help": "where to send OTLP over HTTP"},
    )
    otlp_grpc_addr: str = field(
        default="127.0.0.1:4317", metadata={"env": "OTLP_GRPC_ADDR", "help": "where to send OTLP over gRPC"}
    )
    web_dir: Path = field(
        default=Path(sys.prefix) / "web",
        metadata={
            "env": "HIPSTERLAB_WEB_DIR",
            "help": "folder of the installed browser files: the typeface; without it, the system's letters",
        },
    )
    threads: int = field(default=6, metadata={"env": "OBSERVER_THREADS", "help": "worker threads, 1 to 64"})

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read every setting that the environment names; an empty value counts as absent.

        Raises BadSetting.
        """
        given: dict[str, str | int | Path] = {}
        for each in fields(cls):
            key = each.metadata["env"]
            text = environment.get(key, "").strip()
            if not text:
                continue
            if each.name == "shop_public_url":
                given[each.name] = _base_address(key, text)
            elif each.name in _NUMBERS:
                given[each.name] = _number(key, text, *_NUMBERS[each.name])
            elif isinstance(each.default, Path):
                given[each.name] = Path(text)
            else:
                given[each.name] = text
        return cls(**given)  # type: ignore[arg-type]  # the loop above gives each field its own type


def help_text() -> str:
    """One line per variable: name, meaning, default."""
    return "\n".join(
        f"  {each.metadata['env']:<18} {each.metadata['help']} (default {each.default or 'none'})"
        for each in fields(Settings)
    )


_NUMBERS = {"port": (1, 65535), "threads": (1, 64)}


def _number(key: str, text: str, low: int, high: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise BadSetting(f"{key}={text!r}: give a whole number from {low} to {high}")
    return number


def _base_address(key: str, text: str) -> str:
    try:
        return base_address(text)
    except NotAnAddress as error:
        raise BadSetting(f"{key}: {error} {error.remedy}") from error
