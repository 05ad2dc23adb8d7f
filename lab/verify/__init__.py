"""Proves that every link of the lesson's thread holds, as a stranger would: through pages and JSON alone.

Knows the public HTTP interfaces, the lab's run file and the incidents' data;
knows neither the store nor any service. `main(argv) -> int` is the command.
"""

from __future__ import annotations

from lab.verify.command import main

__all__ = ["main"]
