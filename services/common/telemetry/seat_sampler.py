"""A sampler that puts the shopper of the baggage on every span as it is made.

A sampler, because a span processor would take the span's lock a second time.
"""

from __future__ import annotations

from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Sampler, SamplingResult

from services.common import seat


class SeatSampler(Sampler):
    """Decides like `inner`, and adds the shopper's attributes to the span."""

    def __init__(self, inner: Sampler) -> None:
        self._inner = inner

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: Any = None,
        attributes: Any = None,
        links: Any = None,
        trace_state: Any = None,
    ) -> SamplingResult:
        """Returns the inner decision, its attributes with the shopper's."""
        marks = seat.attributes(parent_context)
        if marks:
            attributes = {**(attributes or {}), **marks}
        return self._inner.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        """Returns the inner sampler's description: the decision is its own."""
        return self._inner.get_description()
