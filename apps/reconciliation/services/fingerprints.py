"""What makes two sightings of a break the same, and the stored form of a remedy. Pure."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from apps.reconciliation.types import Finding, Remedy


def fingerprint_of(finding: Finding) -> str:
    """SHA-256 over kind, asset, amounts, transaction, details and remedy: all of a finding but how it is said."""
    seen = {
        "kind": str(finding.kind),
        "asset": finding.asset,
        "amounts": [finding.books, finding.events, finding.chain],
        "tx_hash": finding.tx_hash,
        "details": finding.details,
        "remedy": remedy_as_json(finding.remedy),
    }
    return hashlib.sha256(json.dumps(seen, sort_keys=True, default=str).encode()).hexdigest()


def remedy_as_json(remedy: Remedy | None) -> dict[str, Any] | None:
    """A remedy as it is stored; the amount is in base units, as a string since JSON's numbers lose digits."""
    if remedy is None:
        return None
    debit, credit = ({"kind": str(kind), "wallet_address": wallet} for kind, wallet in (remedy.debit, remedy.credit))
    return {"debit": debit, "credit": credit, "amount": str(remedy.amount)}


def remedy_from_json(stored: Mapping[str, Any]) -> Remedy:
    """What remedy_as_json() stored."""
    debit, credit = ((side["kind"], side["wallet_address"]) for side in (stored["debit"], stored["credit"]))
    return Remedy(debit=debit, credit=credit, amount=int(stored["amount"]))
