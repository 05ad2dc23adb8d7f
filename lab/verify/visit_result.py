"""The result of a driver: a visit, or the error that there was none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.errors import LabError

Visit = Mapping[str, Any]
"""What a visitor saw in the shop, described in incidents/README.md."""


class CannotVisit(LabError):
    """The shop could not be visited at all."""

    exit_code = 2
