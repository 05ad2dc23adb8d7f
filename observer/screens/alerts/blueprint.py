"""The blueprint of the alerts area."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("alerts", __name__)
