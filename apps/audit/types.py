"""Enums of the audit log, and what other rooms see of it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import models


class Source(models.TextChoices):
    """Who wrote an event: a service, or a table's own trigger. Part of its signed text."""

    APP = "app"
    TRIGGER = "trigger"


class RecordClass(models.TextChoices):
    """The classes of retention of the security policy (config/security.yaml, audit.retention)."""

    LEDGER_AND_JOURNALS = "ledger_and_journals"
    ORDERS_AND_TRADES = "orders_and_trades"
    CUSTOMER_ACCOUNTS = "customer_accounts"
    COMMUNICATIONS = "communications"
    SECURITYHOLDER_FILE = "securityholder_file"
    TRANSFER_AGENT_ITEMS = "transfer_agent_items"
    SANCTIONS = "sanctions"
    SUSPICIOUS_ACTIVITY = "suspicious_activity"
    CURRENCY_TRANSACTIONS = "currency_transactions"
    SECURITY_EVENTS = "security_events"
    AUDIT_TRAIL = "audit_trail"


class AnchorKind(models.TextChoices):
    """Where a head is kept that we cannot change."""

    S3 = "S3", "S3 under object lock"
    EVM = "EVM", "transaction of an EVM chain"


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A signed head, and the bytes that are anchored: its line in a bundle's heads.jsonl, line end included."""

    size: int
    log: str
    root: bytes
    at: datetime
    line: bytes


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head kept elsewhere. `place` is s3://<bucket>/<key>, or eip155:<chain id>; `reference` is the version id of the
    object there, or the transaction's hash. `digest` is the SHA-256 of the bytes; `retained_until` is None on a chain.
    """

    kind: AnchorKind
    size: int
    log: str
    root: bytes
    place: str
    reference: str
    digest: bytes
    anchored_at: datetime
    retained_until: datetime | None

    def entry(self) -> dict[str, Any]:
        """As a bundle's anchors.jsonl has it."""
        named = "version_id" if self.kind is AnchorKind.S3 else "tx"
        at = self.anchored_at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        entry = {"at": at, "digest": self.digest.hex(), "kind": self.kind.value.lower(), "place": self.place}
        return entry | {"root": self.root.hex(), "size": self.size, named: self.reference}


class VerificationKind(models.TextChoices):
    """What a verification was to go over."""

    NEW = "NEW", "what is new"
    FULL = "FULL", "the whole log"
    RANGE = "RANGE", "a range"


class VerificationOutcome(models.TextChoices):
    """What it found."""

    VERIFIED = "VERIFIED"
    FAILED = "FAILED"


class Fault(models.TextChoices):
    """What is wrong with the stored log, where it is first wrong."""

    EDITED = "EDITED", "the event's text is not what was numbered"
    REMOVED = "REMOVED", "the event is gone, and did not expire"
    INSERTED = "INSERTED", "an event that was never numbered stands before this one"
    GAP = "GAP", "the leaf is gone"
    TILE = "TILE", "a stored tile is not that of the leaves under it"
    ROOT = "ROOT", "the leaves from here to the next head do not lead to its root"
    HEAD = "HEAD", "a head is of another log, or earlier than the one before it"
    SIGNATURE = "SIGNATURE", "a head is not signed by the key it names"
    FORKED = "FORKED", "what was verified or anchored once has another root now"
    TRUNCATED = "TRUNCATED", "the log ends before what was verified or anchored once"


class HoldKind(models.TextChoices):
    """What a legal hold names."""

    SUBJECT = "SUBJECT", "a party or user"
    RESOURCE = "RESOURCE", "a resource"
    PERIOD = "PERIOD", "a time"
    ALL = "ALL", "everything"


class HoldReason(models.TextChoices):
    """Why events are held. Whose matter it is, its reference leads to."""

    LITIGATION = "LITIGATION", "litigation, pending or expected"
    INVESTIGATION = "INVESTIGATION", "an investigation"
    AUTHORITY = "AUTHORITY", "an authority asked"
    AUDIT = "AUDIT", "an audit under way"
    OTHER = "OTHER", "another matter"


class Standing(models.TextChoices):
    """Whether an event may expire, or the first reason why not. The codes are audit_standing()'s, in its order."""

    READY = "READY", "expires"
    WITHIN_PERIOD = "WITHIN_PERIOD", "within the period of its class"
    FOR_PROOFS = "FOR_PROOFS", "kept for good: it proves what expired"
    NOT_ENDED = "NOT_ENDED", "what it belongs to has not ended"
    NOT_SIGNED = "NOT_SIGNED", "past its period, under no signed head"
    NOT_EXPORTED = "NOT_EXPORTED", "past its period, in no verified export"
    NOT_ANCHORED = "NOT_ANCHORED", "past its period, under no anchor"
    HELD = "HELD", "past its period, under a legal hold"
