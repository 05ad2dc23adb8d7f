"""What a process and its reader processes send each other: pickled, between our own processes only.

A loan is `Begin`, any number of `Ask`, `Hold` and `Release`, each with a `Reply`, and `End`.
"""

from __future__ import annotations

import copyreg
import io
import pickle
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import MappingProxyType
from typing import Any

from store.api import StoreError


@dataclass(frozen=True, slots=True)
class Begin:
    """A loan begins."""

    seen: bool
    """Whether the asking process saw a store at the path once."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A question: a method of `store.api.Reader` with its arguments."""

    method: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Hold:
    """From now on answer from one snapshot."""


@dataclass(frozen=True, slots=True)
class Release:
    """End the snapshot that was held last."""


@dataclass(frozen=True, slots=True)
class End:
    """The loan ends."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a question, a `Hold` or a `Release`. The process also sends one when it is ready."""

    answer: Any = None
    error: BaseException | None = None
    processor_s: float = 0.0
    memory_bytes: int = 0
    """Of the process, without what is mapped from files."""


Message = Begin | Ask | Hold | Release | End


def send(connection: Connection, message: Message | Reply) -> None:
    """Send one message. Raises OSError where nobody receives it, and what pickling raises."""
    connection.send_bytes(packed(message))


def receive(connection: Connection) -> Any:
    """The next message. Raises EOFError or OSError where the other process has ended."""
    return pickle.loads(connection.recv_bytes())  # noqa: S301  # from our own process, over an inherited pipe


def packed(message: object) -> bytes:
    """A message as bytes."""
    buffer = io.BytesIO()
    _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(message)
    return buffer.getvalue()


def portable(error: Exception) -> Exception:
    """The error as it can be sent; a fault of ours has its origin in a note, as tracebacks stay behind."""
    if isinstance(error, StoreError):
        return error
    error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(packed(error))  # noqa: S301  # our own bytes
    except Exception:
        return RuntimeError("".join(traceback.format_exception(error)))
    return error


def _read_only(values: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(values)


_VIEWS: tuple[type[Any], ...] = (type({}.keys()), type({}.values()), type({}.items()))


class _Pickler(pickle.Pickler):
    """Packs read-only mappings and views of dictionaries, too, which pickle leaves out."""

    dispatch_table = copyreg.dispatch_table.copy()
    dispatch_table[MappingProxyType] = lambda values: (_read_only, (dict(values),))
    for _kind in _VIEWS:
        dispatch_table[_kind] = lambda view: (list, (list(view),))
