"""`python -m observer`."""

from __future__ import annotations

import sys

from observer.server import main

sys.exit(main())
