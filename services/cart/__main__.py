"""`python -m services.cart`."""

from __future__ import annotations

from services.cart.server import main

raise SystemExit(main())
