"""`python -m services.shipping`."""

from __future__ import annotations

from services.shipping.server import main

raise SystemExit(main())
