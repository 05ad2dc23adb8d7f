"""Verifies every link from browser to log line from outside: through the shop's pages and the JSON API only.

Knows the public HTTP interfaces, the lab's run file and the incidents' data;
knows neither the store nor any service. `main(argv) -> int` is the command.
"""

from __future__ import annotations

from lab.verify.command import main

__all__ = ["main"]
