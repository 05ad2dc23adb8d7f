"""What a driver tells of a visit, and what it raises if it could not make one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.errors import LabError

Visit = Mapping[str, Any]
"""One walk through the shop, described in incidents/README.md."""


class CannotVisit(LabError):
    """No shopper could be sent at all."""

    exit_code = 2
