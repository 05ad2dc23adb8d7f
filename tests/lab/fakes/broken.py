"""Never starts: prints a reason and ends with EXIT_CODE."""

from __future__ import annotations

import os
import sys

sys.stderr.write("Error: the moon is in the way\n")
raise SystemExit(int(os.environ.get("EXIT_CODE", "1")))
