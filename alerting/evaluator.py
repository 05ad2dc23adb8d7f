"""One pass over all rules: reads their signals, steps the state of every group, keeps what came of it."""

from __future__ import annotations
