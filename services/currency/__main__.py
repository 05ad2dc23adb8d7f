"""`python -m services.currency`."""

from __future__ import annotations

from services.currency.server import main

raise SystemExit(main())
