"""OpenTelemetry for the shop: traces, logs, metrics, propagation and export; import everything from here.

Importing it starts nothing: no thread, no socket, no exporter. `start` does, in a
process's `main()`.
"""

from services.common.telemetry.grpc_interceptors import (
    ClientBaggage,
    ClientSpans,
    ServerBaggage,
    ServerSpans,
    code_of,
    details_of,
    marking,
    tolerating,
    withholding_trace_context,
)
from services.common.telemetry.logs import (
    ShopLogger,
    make_logger,
    outside_the_span,
    redirect_standard_logging,
)
from services.common.telemetry.metrics import counter, histogram, observe
from services.common.telemetry.propagation import CachedBaggagePropagator
from services.common.telemetry.runtime_metrics import Occupancy, observe_pool
from services.common.telemetry.seat_sampler import SeatSampler
from services.common.telemetry.setup import Identity, Telemetry, build, start
from services.common.telemetry.signal_queue import Counts

__all__ = [
    "CachedBaggagePropagator",
    "ClientBaggage",
    "ClientSpans",
    "Counts",
    "Identity",
    "Occupancy",
    "SeatSampler",
    "ServerBaggage",
    "ServerSpans",
    "ShopLogger",
    "Telemetry",
    "build",
    "code_of",
    "counter",
    "details_of",
    "histogram",
    "make_logger",
    "marking",
    "observe",
    "observe_pool",
    "outside_the_span",
    "redirect_standard_logging",
    "start",
    "tolerating",
    "withholding_trace_context",
]
