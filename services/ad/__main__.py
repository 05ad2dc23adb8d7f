"""`python -m services.ad`."""

from __future__ import annotations

from services.ad.server import main

raise SystemExit(main())
