"""`python -m frontend`."""

from __future__ import annotations

import sys

from frontend.server import main

sys.exit(main())
