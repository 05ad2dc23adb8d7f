"""The moment that a thread asks about, while it holds a snapshot: what arrived later is left out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TypeVar

T = TypeVar("T")


class Moment(threading.local):
    """Of each thread its own."""

    def __init__(self) -> None:
        self.upto: int | None = None
        """The greatest number of arrival that is seen; None without a snapshot."""
        self.held: ExitStack | None = None
        """What is released with the snapshot."""
        self._answers: dict[object, object] = {}
        self.metrics = False
        """Whether the copy of metrics is held, too."""

    @contextmanager
    def begin(self, upto: int, known: Mapping[object, object] | None = None) -> Iterator[None]:
        """See nothing that arrives after a number, to the end of a `with`; some answers are known already."""
        with ExitStack() as held:
            self.upto, self.held, self.metrics = upto, held, False
            self._answers = dict(known or {})
            try:
                yield
            finally:
                self.upto, self.held, self.metrics = None, None, False
                self._answers = {}

    def once(self, key: object, ask: Callable[[], T]) -> T:
        """An answer, which is not asked for again within a snapshot: a page puts one question many times."""
        if self.upto is None:
            return ask()
        if key not in self._answers:
            self._answers[key] = ask()
        return self._answers[key]  # type: ignore[return-value]  # what the same key was asked for
