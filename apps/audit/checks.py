"""What `manage.py check --deploy` says of the audit log."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register  # noqa: A004 (Django's name)

from apps.audit.places.choosing import is_anchored

UNANCHORED = "audit.W001"


@register("audit", deploy=True)
def says_whether_it_anchors(**_: Any) -> list[CheckMessage]:
    """Production anchors the audit log's heads, or says that it does not."""
    policy = settings.SECURITY.audit.anchoring
    if is_anchored() or not policy.enabled:
        return []
    said = f"audit.anchoring.enabled is true, and {policy.bucket} names no bucket: the log is anchored nowhere."
    return [Warning(said, hint="Name a bucket (docs/audit-anchors.md), or set enabled: false.", id=UNANCHORED)]
