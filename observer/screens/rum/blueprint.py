"""The blueprint that the routes of RUM register with."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("rum", __name__)
