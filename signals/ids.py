"""Trace and span ids as people and addresses write them. Pure."""

from __future__ import annotations

import re

from signals.model import SpanId, TraceId

TRACE_ID_FORM = "32 hexadecimal digits (or the last 16), not all zero"
SPAN_ID_FORM = "16 hexadecimal digits, not all zero"

_HEX = re.compile(r"[0-9a-f]+")


def read_trace_id(text: str) -> TraceId | None:
    """A trace id of 32 or 16 hexadecimal digits, in lower case; 16 digits stay 16. None if it is not one."""
    digits = _digits(text)
    return TraceId(digits) if len(digits) in (16, 32) else None


def read_span_id(text: str) -> SpanId | None:
    """A span id of 16 hexadecimal digits, in lower case. None if it is not one."""
    digits = _digits(text)
    return SpanId(digits) if len(digits) == 16 else None


def _digits(text: str) -> str:
    lower = text.strip().lower()
    return lower if _HEX.fullmatch(lower) and lower.strip("0") else ""


def short_trace_id(trace_id: str) -> str:
    """The digits by which every screen names a trace, and by which it is found: the first eight.

    An id of 64 bits begins after its zeros.
    """
    significant = trace_id[16:] if trace_id.startswith("0" * 16) else trace_id
    return significant[:8]
