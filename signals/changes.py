"""Attributes whose new value is a change of what runs: another version, process or flag. Pure."""

from __future__ import annotations

from typing import Final

VERSION_TAGS: Final = ("service.version", "version", "app.version")
"""What senders call a version, the conventions' own name first. Each means something else."""
INSTANCE_TAG: Final = "service.instance.id"
"""A process of a service: a start gives it a new one."""
POD_TAGS: Final = ("k8s.pod.name", "kubernetes_pod_uid")
"""What stands for a process where the service names none."""
PAGE_VERSION: Final = "app.version"
"""The version of an application in browsers."""
FLAG_KEY: Final = "feature_flag.key"
FLAG_VARIANT: Final = "feature_flag.result.variant"
