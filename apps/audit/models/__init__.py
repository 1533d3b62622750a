"""The audit log's tables."""

from apps.audit.models.trail import AuditLog, AuditStream
from apps.audit.models.tree import AuditHead, AuditLeaf, AuditSigningKey, AuditTile

__all__ = ["AuditHead", "AuditLeaf", "AuditLog", "AuditSigningKey", "AuditStream", "AuditTile"]
