"""The blueprint that RUM's views register with."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("rum", __name__)
