"""Settings from environment variables: one frozen dataclass per runnable.

A field made with `setting(...)` names its variable, default, help and the kind of value. `load`
reads them; in a `main()`, `load_or_exit` also answers `--help` and ends the process with code 2
and one sentence for a malformed value. Standard library only.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

from runtime.addresses import public_address

S = TypeVar("S")
T_co = TypeVar("T_co", covariant=True)

EXIT_CANNOT_START = 2
"""The exit code for a setting that cannot be used. The lab does not start such a process again."""
_HIDDEN = "(hidden)"


class SettingsError(ValueError):
    """A setting is malformed; the message names the variable, its value and what is allowed."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[T_co]):
    """A kind of value: what the text of a variable must be, and the function that parses it.

    `parse` raises ValueError for any other text.
    """

    allowed: str
    parse: Callable[[str], T_co]


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65_535:
        raise ValueError(text)
    return number


def _boolean(text: str) -> bool:
    word = text.strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise ValueError(text)


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise ValueError(text)
    return number


def _address(text: str) -> str:
    host, _, number = text.strip().rpartition(":")
    if not host or not _port(number) > 0:
        raise ValueError(text)
    return text.strip()


def _http_url(text: str) -> str:
    url = text.strip()
    if not url.startswith(("http://", "https://")) or not url.split("://", 1)[1].strip("/"):
        raise ValueError(text)
    return url.rstrip("/")


TEXT = Kind("text", str.strip)
INTEGER = Kind("a whole number", int)
PORT = Kind("a port, 0 to 65535", _port)
BOOLEAN = Kind("true or false", _boolean)
SECONDS = Kind("seconds, 0 or more", _seconds)
ADDRESS = Kind("host:port", _address)
HTTP_URL = Kind("a URL that begins with http:// or https://", _http_url)
PUBLIC_ADDRESS = Kind("http:// or https://, a host and if need be a port and a path", public_address)
PATH = Kind("a path", lambda text: Path(text.strip()).expanduser())


def whole_number(low: int, high: int) -> Kind[int]:
    """The kind of whole numbers from `low` to `high`, both included."""

    def parse(text: str) -> int:
        number = int(text)
        if not low <= number <= high:
            raise ValueError(text)
        return number

    return Kind(f"a whole number from {low} to {high}", parse)


def positive_number(high: float) -> Kind[float]:
    """The kind of numbers above 0, up to `high`."""

    def parse(text: str) -> float:
        number = float(text)
        if not 0 < number <= high:
            raise ValueError(text)
        return number

    return Kind(f"a number above 0, at most {high:g}", parse)


@overload
def setting(default: str, env: str, help: str, *, secret: bool = False, shown: str = "") -> str: ...
@overload
def setting(
    default: S, env: str, help: str, kind: Kind[S], *, secret: bool = False, shown: str = ""
) -> S: ...
def setting(
    default: Any, env: str, help: str, kind: Kind[Any] = TEXT, *, secret: bool = False, shown: str = ""
) -> Any:
    """A dataclass field that is read from the variable `env`; an empty value means the default.

    The value of a `secret` is never printed or logged. `shown` is what documents print in place of
    a default that differs between machines.
    """
    return dataclasses.field(
        default=default,
        metadata={"env": env, "help": help, "kind": kind, "secret": secret, "shown": shown},
    )


@dataclass(frozen=True, slots=True)
class SettingInfo:
    """One setting, for help texts and tables; `default` is empty where there is none."""

    env: str
    default: str
    help: str
    allowed: str


def load(cls: type[S], environ: Mapping[str, str] | None = None) -> S:
    """The settings of a dataclass from `environ`, by default the environment of this process.

    Raises SettingsError for the first malformed value.
    """
    source = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    for field in _fields(cls):
        raw = source.get(field.metadata["env"], "")
        if not raw.strip():
            continue
        try:
            values[field.name] = field.metadata["kind"].parse(raw)
        except ValueError:
            raise SettingsError(_sentence(field.metadata, raw)) from None
    return cls(**values)


def load_or_exit(cls: type[S], argv: Sequence[str] | None, title: str) -> S:
    """The settings for a `main()`. `--help` prints them and exits with 0.

    Any other argument and a malformed value exit with code 2 after one sentence on standard error.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments in (["--help"], ["-h"]):
        sys.stdout.write(help_text(cls, title))
        raise SystemExit(0)
    if arguments:
        sys.stderr.write(
            f"{arguments[0]} is not understood: settings come from the environment, see --help.\n"
        )
        raise SystemExit(EXIT_CANNOT_START)
    try:
        return load(cls)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(EXIT_CANNOT_START) from None


def describe(cls: type[Any]) -> Sequence[SettingInfo]:
    """The settings of a dataclass in their order."""
    return [
        SettingInfo(
            env=field.metadata["env"],
            default=field.metadata["shown"] or _default(field),
            help=field.metadata["help"],
            allowed=field.metadata["kind"].allowed,
        )
        for field in _fields(cls)
    ]


def help_text(cls: type[Any], title: str) -> str:
    """The answer to `--help`: the title of the process, then a paragraph per variable."""
    rows = [f"{title}\n\nSettings come from environment variables:\n"]
    for each in describe(cls):
        default = f" Default: {each.default}." if each.default else ""
        rows.append(f"  {each.env}\n      {each.help} ({each.allowed}){default}")
    return "\n".join(rows) + "\n"


def overrides(settings: Any) -> Iterator[tuple[str, str, str]]:
    """Variable, default and value of every setting that differs from its default; secrets are masked."""
    for field in _fields(settings):
        value = getattr(settings, field.name)
        if value != field.default:
            shown = _HIDDEN if field.metadata["secret"] else str(value)
            yield field.metadata["env"], _default(field), shown


def _fields(settings: Any) -> list[dataclasses.Field[Any]]:
    return [field for field in dataclasses.fields(settings) if "env" in field.metadata]


def _default(field: dataclasses.Field[Any]) -> str:
    return "" if field.default is None else str(field.default)


def _sentence(metadata: Mapping[str, Any], raw: str) -> str:
    value = _HIDDEN if metadata["secret"] else repr(raw)
    return f"{metadata['env']}={value} is not understood: it must be {metadata['kind'].allowed}."
