"""The form of a tag set: what a request carries, kept once for all requests that carry the same.

A set holds a request's service, its operation and its promoted tags, as JSON in the
table `tagsets`. Requests by the thousand share a few hundred sets, so that grouping by
any combination of promoted tags means grouping by one number. Tags with about as many
values as requests stay outside (`signals.semantics.UNBOUNDED`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from signals.attributes import ENVIRONMENT_NAMES

# Tags of our own, in sets and in `pairs`; the colon keeps them apart from any attribute's name.
SERVICE: Final = ":service"
OPERATION: Final = ":operation"
ERROR: Final = ":error"
"""Pair of traces with an error; value: the service that has one, or nothing for any."""
ORIGIN: Final = ":origin"
"""Pair of traces in which an error began, likewise."""
PERSON: Final = ":person"
"""Pair of traces with a request that carries this `enduser.id` …"""
MANY_PERSONS: Final = ":persons"
"""… and of traces in which these are so many that no pair of them is kept."""

OF_CALLS: Final = ":calls"
"""Those of a request's values that only its calls to others carry, each as `tag=value`."""

Tags = dict[str, str | list[str]]
"""A tag's value, or its values if the spans of a request carry several."""
TagSet = Mapping[str, str | list[str]]
"""The same, shared: not to be changed."""


def service_in(tags: TagSet) -> str:
    """The service whose requests carry a set."""
    found = tags.get(SERVICE, "")
    return found if isinstance(found, str) else found[0]


def environment_in(tags: TagSet) -> str:
    """The deployment environment of a set, or nothing."""
    for name in ENVIRONMENT_NAMES:
        found = tags.get(name)
        if found:
            return found if isinstance(found, str) else found[0]
    return ""


def values_in(tags: TagSet, tag: str) -> list[str]:
    """The values of a tag, none if it is absent."""
    found = tags.get(tag)
    if found is None:
        return []
    return [found] if isinstance(found, str) else found


def received_in(tags: TagSet, tag: str) -> list[str]:
    """The values of a tag without those that only the request's calls to others carry."""
    of_calls = values_in(tags, OF_CALLS)
    found = values_in(tags, tag)
    return [value for value in found if f"{tag}={value}" not in of_calls] if of_calls else found
