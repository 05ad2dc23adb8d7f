"""What every test process needs before anything is imported."""

from __future__ import annotations

import os

# The instrumentation libraries read this once per process, at their first use; the services set it before that.
os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")
