"""An incident's flags as the flagd document that the shop reads."""

from __future__ import annotations

import json
from collections.abc import Mapping

from incidents.model import Flag, FlagValue, Incident

SCHEMA = "https://flagd.dev/schema/v0/flags.json"
TRAFFIC = "traffic"
"""The key of the evaluation context that names the kind of shopper: `people` or `synthetic`."""


def flagd_document(incident: Incident) -> dict[str, object]:
    """The incident as a flagd flag definition: one flag per entry, and traffic decides the variant.

    Traffic that does not declare itself synthetic counts as people. A flag that the
    incident does not name is absent, which the shop reads as healthy.
    """
    return {"$schema": SCHEMA, "flags": {flag.key: _definition(flag) for flag in incident.flags}}


def flagd_json(incident: Incident) -> str:
    """`flagd_document` as the text of the file, ending in a line feed."""
    return json.dumps(flagd_document(incident), indent=2) + "\n"


def _definition(flag: Flag) -> dict[str, object]:
    definition: dict[str, object] = {
        "state": "ENABLED",
        "variants": {"people": _plain(flag.people), "synthetic": _plain(flag.synthetic)},
        "defaultVariant": "people",
    }
    if flag.people != flag.synthetic:
        definition["targeting"] = {"if": [{"==": [{"var": TRAFFIC}, "synthetic"]}, "synthetic", "people"]}
    return definition


def _plain(value: FlagValue) -> object:
    return dict(value) if isinstance(value, Mapping) else value
