"""`python -m services.recommendation`."""

from __future__ import annotations

from services.recommendation.server import main

raise SystemExit(main())
