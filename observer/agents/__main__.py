"""`python -m observer.agents`: see `observer.agents.server`."""

from __future__ import annotations

import sys

from observer.agents.server import main

if __name__ == "__main__":
    sys.exit(main())
