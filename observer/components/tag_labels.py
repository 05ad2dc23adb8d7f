"""Names of tags in words, the same on the screens of RUM and APM. Pure."""

from __future__ import annotations

_TAG_LABELS = {
    "app": "App",
    "environment": "Environment",
    "app.version": "App version",
    "page": "Page",
    "operation": "Operation",
    "browser.name": "Browser",
    "browser.version": "Browser version",
    "os.name": "Operating system",
    "enduser.id": "Seat",
    "user_agent.synthetic.type": "Synthetic traffic",
    "tenant.level": "Tenant level",
    "http.status_code": "Status code",
}


def tag_label(tag: str) -> str:
    """`Operating system` for `os.name`; a tag without a name of its own stays as it is."""
    return _TAG_LABELS.get(tag, tag)
