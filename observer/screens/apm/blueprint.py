"""The APM area's blueprint and the drawing that its templates call; its routes are in the folders."""

from __future__ import annotations

from flask import Blueprint

from observer.drawing import bars

blueprint = Blueprint("apm", __name__)
blueprint.add_app_template_global(bars.span_bar, "span_bar")
