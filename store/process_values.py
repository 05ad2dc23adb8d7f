"""What a tag set says of the process that it is of: versions, instance, flags."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Final

from signals.changes import FLAG_KEY, FLAG_VARIANT, INSTANCE_TAG, POD_TAGS, VERSION_TAGS
from store.change_results import ChangeKind
from store.tag_sets import TagSet, environment_in, service_in, values_in

Subject = tuple[ChangeKind, str, str]
"""Kind, service, and attribute, or the key of a flag: what has one value after the other."""
_KINDS: Final[tuple[tuple[ChangeKind, str], ...]] = (
    ("version", VERSION_TAGS[0]),
    ("version", VERSION_TAGS[1]),
    ("version", VERSION_TAGS[2]),
    ("instance", INSTANCE_TAG),
)


class Process:
    """What some tag sets say of versions, the process and flags of a service."""

    __slots__ = ("environment", "service", "sets", "values", "versions")

    def __init__(self, tags: TagSet) -> None:
        self.service = service_in(tags)
        self.environment = environment_in(tags)
        self.values = tuple(_subjects(tags))
        self.versions = tuple((tag, value) for tag in VERSION_TAGS for value in values_in(tags, tag))
        self.sets = array("q")
        """The numbers of the sets, rising; some may be deleted by now."""


def _subjects(tags: TagSet) -> Iterator[tuple[Subject, str]]:
    """What a tag set says of versions, the process and flags of its service."""
    service = service_in(tags)
    for kind, tag in _KINDS:
        for value in values_in(tags, tag):
            yield (kind, service, tag), value
    if INSTANCE_TAG not in tags:
        pod = next((tag for tag in POD_TAGS if tag in tags), None)
        if pod is not None:
            for value in values_in(tags, pod):
                yield ("instance", service, pod), value
    # Of several flags in one request it is not known which variant is whose.
    keys, variants = values_in(tags, FLAG_KEY), values_in(tags, FLAG_VARIANT)
    if len(keys) == 1 and len(variants) == 1:
        yield ("flag", service, keys[0]), variants[0]
