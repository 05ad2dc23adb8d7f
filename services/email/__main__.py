"""`python -m services.email`."""

from __future__ import annotations

from services.email.server import main

raise SystemExit(main())
