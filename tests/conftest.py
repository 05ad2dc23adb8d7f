"""What every test process needs before anything is imported."""

from __future__ import annotations

import os

# Instrumentation libraries read this once per process, at their first use; services set it before.
os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")
