"""`python -m services.payment`."""

from __future__ import annotations

from services.payment.server import main

raise SystemExit(main())
