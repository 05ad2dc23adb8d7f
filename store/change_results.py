"""What a reader returns about operations that fail, versions, and what changed. Frozen; times in Unix ns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from store.results import Measure


class Operation(NamedTuple):
    """An operation of a service: the name of its entry spans."""

    service: str
    operation: str


@dataclass(frozen=True, slots=True)
class FailingOperation:
    """An operation at which traces begin, and how often its requests failed."""

    of: Operation
    real: int
    """Failures of traffic that does not declare itself synthetic."""
    synthetic: int


@dataclass(frozen=True, slots=True)
class Seen:
    """When something was first and last seen among all that the store keeps."""

    first_unix_nano: int
    last_unix_nano: int
    exact: bool = True
    """False where the search ended early: it was seen at the latest then, and perhaps before."""


@dataclass(frozen=True, slots=True)
class VersionRow:
    """The requests of a service that carry one value of one version attribute."""

    tag: str
    """One of `signals.changes.VERSION_TAGS`."""
    value: str
    """Empty where the tag was absent."""
    seen: Seen | None
    measure: Measure
    key_requests: int
    """Requests of the key operation in whose traces such a request of the service is."""
    key_failed: int


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of a service."""

    rows: tuple[VersionRow, ...]
    """By tag in the order of `VERSION_TAGS`, newest first seen first."""
    truncated: bool
    """Only the newest requests were counted."""


ChangeKind = Literal["version", "instance", "flag", "page"]


@dataclass(frozen=True, slots=True)
class Change:
    """A value that was seen for the first time, of an attribute that had another one before."""

    kind: ChangeKind
    """Of a service its `version`, `instance` or `flag`; `page`: the version of an application in browsers."""
    service: str
    tag: str
    """The attribute; of a flag its key."""
    value: str
    before: str
    """The value of the same service that was first seen last before it."""
    unix_nano: int
