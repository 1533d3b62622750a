"""What reconciliation keeps."""

from apps.reconciliation.models.attestations import Attestation, StorageNode
from apps.reconciliation.models.breaks import Break, BreakEvent
from apps.reconciliation.models.resolutions import Resolution
from apps.reconciliation.models.runs import CutOff, Run

__all__ = ["Attestation", "Break", "BreakEvent", "CutOff", "Resolution", "Run", "StorageNode"]
