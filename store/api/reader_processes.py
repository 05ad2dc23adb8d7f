"""The contract for readers in processes of their own, for what would hold up the process that asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from store.api import Reader


class LentReader(Protocol):
    """A reader process that one thread has to itself until it is given back."""

    @property
    def reader(self) -> Reader:
        """Answers as a reader in this process does, `snapshot` included.

        A process that ends in the middle of a question is StoreBusy; so is all that is asked afterwards.
        """

    @property
    def processor_s(self) -> float:
        """Processor seconds that its answers took so far."""

    def give_back(self) -> None:
        """End the loan, and a snapshot that is still held. Idempotent."""


class ReaderProcesses(Protocol):
    """Reader processes that start when they are asked for and end when they are not used."""

    def watch(self, on_change: Callable[[int], None]) -> None:
        """Call this with the number of processes that are ready whenever it changes, from any thread.

        It must not ask anything of these processes.
        """

    def start_one(self) -> None:
        """Begin to start one more, if there may be more. Returns at once; nothing is raised."""

    def lend(self) -> LentReader | None:
        """A process that nobody has, None where all are lent or none is ready. Does not wait."""

    def close(self) -> None:
        """End all of them. Idempotent."""
