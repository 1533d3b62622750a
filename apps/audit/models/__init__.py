"""The audit log's tables."""

from apps.audit.models.anchors import AuditAnchor
from apps.audit.models.trail import AuditLog, AuditOrigin
from apps.audit.models.tree import AuditHead, AuditLeaf, AuditSigningKey, AuditTile

__all__ = ["AuditAnchor", "AuditHead", "AuditLeaf", "AuditLog", "AuditOrigin", "AuditSigningKey", "AuditTile"]
