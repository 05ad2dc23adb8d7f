"""W3C baggage, each distinct header encoded and parsed once: a request passes the same one on many times."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from opentelemetry import baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import default_getter, default_setter


@lru_cache(maxsize=1024)
def _baggage_header(entries: tuple[tuple[str, object], ...]) -> str:
    context = Context()
    for name, value in entries:
        context = baggage.set_baggage(name, value, context)
    carrier: dict[str, str] = {}
    W3CBaggagePropagator().inject(carrier, context)
    return carrier.get("baggage", "")


@lru_cache(maxsize=1024)
def _baggage_entries(header: str) -> Mapping[str, object]:
    return baggage.get_all(W3CBaggagePropagator().extract({"baggage": header}, Context()))


class CachedBaggagePropagator(W3CBaggagePropagator):
    """The W3C propagator with a cache of headers in either direction."""

    def inject(self, carrier: Any, context: Context | None = None, setter: Any = default_setter) -> None:
        """Write the context's baggage, if there is some."""
        entries = baggage.get_all(context)
        header = _baggage_header(tuple(entries.items())) if entries else ""
        if header:
            setter.set(carrier, "baggage", header)

    def extract(self, carrier: Any, context: Context | None = None, getter: Any = default_getter) -> Context:
        """Returns the context with the carrier's baggage in place of its own, if there is some."""
        headers = getter.get(carrier, "baggage")
        context = Context() if context is None else context
        for name, value in _baggage_entries(",".join(headers)).items() if headers else ():
            context = baggage.set_baggage(name, value, context)
        return context
