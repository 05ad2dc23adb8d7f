"""The heavy modules of the shop's processes, to be imported once before they are forked.

Importing them starts nothing: no thread, no gRPC object, no exporter, no reading
of the environment (a test holds that). Modules named here that are not needed by
every process cost a forked child nothing but shared pages.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence

MODULES: Sequence[str] = (
    "services.common.server",
    "services.common.clients",
    "services.ad.server",
    "services.buttercup.server",
    "services.cart.server",
    "services.cart.sqlite_carts",
    "services.catalog.server",
    "services.checkout.server",
    "services.currency.server",
    "services.email.server",
    "services.payment.server",
    "services.recommendation.server",
    "services.shipping.server",
)


def preload(modules: Sequence[str] = MODULES) -> None:
    """Import them all."""
    for name in modules:
        importlib.import_module(name)
