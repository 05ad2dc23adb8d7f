"""Settings from environment variables: one frozen dataclass per runnable.

A field made with `setting(...)` names its variable, its default and its help.
`load` reads them; a malformed value ends the process with code 2 and one line
naming the key, the value and what is allowed. What differs from the default is
written to the log at start. Knows nothing of any service.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from services.common.errors import SettingsError

S = TypeVar("S")
Cast = Callable[[str], Any]

_HIDDEN = "(hidden)"


def text(value: str) -> str:
    """Any text; surrounding blanks are cut."""
    return value.strip()


def integer(value: str) -> int:
    """A whole number."""
    return int(value)


def port(value: str) -> int:
    """A TCP port; 0 lets the system choose."""
    number = int(value)
    if not 0 <= number <= 65535:
        raise ValueError(value)
    return number


def boolean(value: str) -> bool:
    """`true`/`false`, `1`/`0`, `yes`/`no`, `on`/`off`, in any case."""
    word = value.strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off", ""):
        return False
    raise ValueError(value)


def seconds(value: str) -> float:
    """A duration in seconds, at least 0."""
    number = float(value)
    if not 0 <= number < float("inf"):
        raise ValueError(value)
    return number


def address(value: str) -> str:
    """`host:port`."""
    host, _, number = value.strip().rpartition(":")
    if not host or not port(number) > 0:
        raise ValueError(value)
    return value.strip()


def http_url(value: str) -> str:
    """An http or https URL; a trailing slash is cut."""
    url = value.strip()
    if not url.startswith(("http://", "https://")) or len(url.split("://", 1)[1].strip("/")) == 0:
        raise ValueError(value)
    return url.rstrip("/")


def path(value: str) -> Path:
    """A path of the file system; `~` is the home folder."""
    if not value.strip():
        raise ValueError(value)
    return Path(value.strip()).expanduser()


_ALLOWED: Mapping[Cast, str] = {
    text: "text",
    integer: "a whole number",
    port: "a port, 0 to 65535",
    boolean: "true or false",
    seconds: "seconds, 0 or more",
    address: "host:port",
    http_url: "a URL that begins with http:// or https://",
    path: "a path",
}


def setting(
    default: Any, env: str, help: str, cast: Cast = text, *, allowed: str = "", secret: bool = False
) -> Any:
    """A dataclass field read from the variable `env`; an empty value means the default."""
    return dataclasses.field(
        default=default,
        metadata={
            "env": env,
            "help": help,
            "cast": cast,
            "allowed": allowed or _ALLOWED.get(cast, "text"),
            "secret": secret,
        },
    )


@dataclass(frozen=True, slots=True)
class Knob:
    """One setting, for help texts and tables."""

    env: str
    default: str
    help: str
    allowed: str


@dataclass(frozen=True, slots=True)
class CommonSettings:
    """What every process of the shop understands. `OTEL_*` is read by the telemetry itself."""

    port: int = setting(0, "PORT", "TCP port to listen on; 0 takes any free one.", port)
    listen_addr: str = setting("127.0.0.1", "LISTEN_ADDR", "Address to listen on.")
    environment: str = setting(
        "hipster-lab", "DEPLOYMENT_ENVIRONMENT", "Name of the environment on all telemetry."
    )
    flags_file: Path | None = setting(
        None, "HIPSTERLAB_FLAGS_FILE", "flagd JSON file of the faults; without it the shop is healthy.", path
    )
    seed: int | None = setting(
        None, "HIPSTERLAB_SEED", "Makes every drawn thing repeatable; without it each start differs.", integer
    )


def load(cls: type[S], environ: Mapping[str, str] | None = None) -> S:
    """Read `cls` from `environ` (the process's own by default).

    Raises:
        SettingsError: a value is malformed; the message is one line.
    """
    source = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]  # S is any settings dataclass
        env = field.metadata.get("env")
        if env is None:
            continue
        raw = source.get(env, "")
        if not raw.strip():
            continue
        try:
            values[field.name] = field.metadata["cast"](raw)
        except ValueError:
            shown = _HIDDEN if field.metadata["secret"] else repr(raw)
            raise SettingsError(
                f"{env}={shown} is not understood: it must be {field.metadata['allowed']}."
            ) from None
    return cls(**values)


def load_or_exit(cls: type[S], argv: Sequence[str] | None, title: str) -> S:
    """`load` for a `main()`: answers `--help`, and ends with code 2 on any other argument or a bad value."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments in (["--help"], ["-h"]):
        sys.stdout.write(help_text(cls, title))
        raise SystemExit(0)
    if arguments:
        sys.stderr.write(
            f"{arguments[0]} is not understood: settings come from the environment, see --help.\n"
        )
        raise SystemExit(2)
    try:
        return load(cls)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None


def knobs(cls: type[Any]) -> Sequence[Knob]:
    """The settings of `cls` in their order."""
    return [
        Knob(
            env=field.metadata["env"],
            default="" if field.default is None else str(field.default),
            help=field.metadata["help"],
            allowed=field.metadata["allowed"],
        )
        for field in dataclasses.fields(cls)
        if "env" in field.metadata
    ]


def help_text(cls: type[Any], title: str) -> str:
    """The answer to `--help`: what the process is and its variables."""
    rows = [f"{title}\n\nSettings come from environment variables:\n"]
    for knob in knobs(cls):
        default = f" Default: {knob.default}." if knob.default else ""
        rows.append(f"  {knob.env}\n      {knob.help} ({knob.allowed}){default}")
    return "\n".join(rows) + "\n"


def overrides(settings: Any) -> Iterator[tuple[str, str, str]]:
    """Variable, default and value of every setting that differs from its default; secrets stay hidden."""
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if "env" in field.metadata and value != field.default:
            shown = _HIDDEN if field.metadata["secret"] else str(value)
            yield field.metadata["env"], "" if field.default is None else str(field.default), shown
