"""The audit log's tables."""

from apps.audit.models.anchors import AuditAnchor
from apps.audit.models.keeping import AuditEnding, AuditExpiry, AuditExpiryRun, AuditExport, AuditHold, AuditRetention
from apps.audit.models.trail import AuditLog, AuditOrigin
from apps.audit.models.tree import AuditHead, AuditLeaf, AuditLeafHash, AuditSigningKey, AuditTile
from apps.audit.models.verification import AuditVerification

__all__ = [
    "AuditAnchor",
    "AuditEnding",
    "AuditExpiry",
    "AuditExpiryRun",
    "AuditExport",
    "AuditHead",
    "AuditHold",
    "AuditLeaf",
    "AuditLeafHash",
    "AuditLog",
    "AuditOrigin",
    "AuditRetention",
    "AuditSigningKey",
    "AuditTile",
    "AuditVerification",
]
