"""`python -m services.buttercup`."""

from __future__ import annotations

from services.buttercup.server import main

raise SystemExit(main())
