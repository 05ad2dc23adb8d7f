"""`python -m lab.control`."""

from __future__ import annotations

import sys

from lab.control.server import main

if __name__ == "__main__":
    sys.exit(main())
