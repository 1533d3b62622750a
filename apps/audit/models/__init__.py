"""The audit log's tables."""

from apps.audit.models.trail import AuditLog, AuditStream

__all__ = ["AuditLog", "AuditStream"]
