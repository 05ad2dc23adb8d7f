"""The blueprint of the metrics' pages; their routes are in the modules beside it."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("metrics", __name__)
