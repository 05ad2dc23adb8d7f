"""The fields that say how much of a window, and of the one that it is compared with, has data."""

from __future__ import annotations

from observer import serializers
from observer.api.schemas import whole
from store.api import CoverageOf, Reader, Window

COVERED = {
    "covered_ns": whole("how much of the window has data: counts are compared per time with data"),
    "before_covered_ns": whole("how much of the equal period before has data"),
}


def covered(reader: Reader, window: Window, of: CoverageOf = "requests") -> serializers.Plain:
    """The values of COVERED."""
    return {
        "covered_ns": reader.coverage(window, of).covered_ns,
        "before_covered_ns": reader.coverage(window.before(), of).covered_ns,
    }
