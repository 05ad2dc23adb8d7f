"""`python -m services.checkout`."""

from __future__ import annotations

from services.checkout.server import main

raise SystemExit(main())
