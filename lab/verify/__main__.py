"""`python -m lab.verify`: the command without the rest of the lab's command line."""

from __future__ import annotations

import sys

from lab.verify.command import main

sys.exit(main(sys.argv[1:]))
