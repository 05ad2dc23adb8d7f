"""The contract for what an incident asks: which operation fails, since when, what changed, what is slow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from store.change_results import Change, FailingOperation, Operation, Seen, Versions
from store.queries import Page, Window
from store.results import Measure


class ChangeReader(Protocol):
    """Failing and slow operations, versions, first and last sightings, changes."""

    def failing_operations(
        self, window: Window, environment: str | None = None, limit: int = 20
    ) -> Sequence[FailingOperation]:
        """The operations at which failing traces begin: most failures of real traffic first, then all.

        Only requests that are in error themselves count. Of the newest 600 traces with an error.
        """

    def operation_measures(
        self, window: Window, environment: str | None = None
    ) -> tuple[Mapping[Operation, Measure], bool]:
        """Requests by service and operation; True if only the newest 10,000 were counted."""

    def versions(
        self,
        service: str,
        window: Window,
        key: Operation | None = None,
        environment: str | None = None,
    ) -> Versions:
        """The requests of a service by each of its version attributes that any of them carries.

        With a key operation also how many of its requests met each version, and failed. Of the
        newest 6,000 traces in which the service is.
        """

    def seen(self, tag: str, values: Sequence[str], service: str | None = None) -> Mapping[str, Seen]:
        """When these values of a promoted tag were first and last seen, on requests of a service or of any.

        Values that were never seen are left out. BadQuery for a tag that is not indexed.
        Over all that the store keeps: the cost is that of the tag sets, not of the requests.
        """

    def errors_seen(self, error_ids: Sequence[str]) -> Mapping[str, Seen]:
        """When these groups of JavaScript errors (`ErrorGroup.error_id`) were first and last seen.

        Among the oldest 1,000 and the newest 1,000 errors that the store keeps; those in
        neither are left out.
        """

    def changes(self, window: Window, environment: str | None = None, limit: int = 100) -> Page[Change]:
        """Versions, processes and flags' variants first seen in the window, newest first.

        Only where the service had another value of the attribute before. `truncated` if
        older ones were left out.
        """
