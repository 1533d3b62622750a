"""What is kept, for how long, and under which key."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from config.security.keys import Conflict, Key
from config.security.secrets import Secret

YEAR = 365
LONGEST = 100 * YEAR + 25


class KeyProvider(StrEnum):
    """Where key-encryption keys live."""

    KMS = "KMS"
    LOCAL = "LOCAL"


class RetentionStart(StrEnum):
    """What a period begins with."""

    # The record itself.
    EVENT = "EVENT"
    # The end of the account or agency it belongs to: it is kept until two people have said that this is over.
    END = "END"


@dataclass(frozen=True, slots=True)
class Retention:
    """One record class. Counsel corrects the period here, with its source."""

    days: Annotated[int, Key("days after which a record may go, never before", 1, LONGEST)]
    starts: Annotated[RetentionStart, Key("what they begin with: the record, or the end of what it belongs to")]
    citation: Annotated[str, Key("the rule that asks for it", 1, 300)]


@dataclass(frozen=True, slots=True)
class RetentionByClass:
    """Record classes. The law's shortest period is the least the file may say."""

    ledger_and_journals: Retention
    orders_and_trades: Retention
    customer_accounts: Retention
    communications: Retention
    securityholder_file: Retention
    transfer_agent_items: Retention
    sanctions: Retention
    suspicious_activity: Retention
    currency_transactions: Retention
    security_events: Retention
    audit_trail: Retention

    def conflicts(self) -> Iterator[Conflict]:
        """No class is kept for less than its law asks."""
        for name, least in LEAST_DAYS.items():
            days = getattr(self, name).days
            if days < least:
                yield Conflict(f"{name}.days", str(days), f"at least {least}, as the rule cited asks")
        for name in sorted(FROM_THE_END):
            starts = getattr(self, name).starts
            if starts is not RetentionStart.END:
                yield Conflict(f"{name}.starts", str(starts), "END, as the rule cited asks")


# 366 days a leap year: a period in years never ends a day early.
LEAST_DAYS = {
    "ledger_and_journals": 2_192,  # 17a-4(a): 6 years
    "orders_and_trades": 1_096,  # 17a-4(b): 3 years
    "customer_accounts": 2_192,  # 17a-4(c): 6 years after closing
    "communications": 1_096,  # 17a-4(b)(4): 3 years
    "securityholder_file": 2_192,  # 17Ad-7: life of the agency and 6 years
    "transfer_agent_items": 731,  # 17Ad-7: 2 years
    "sanctions": 3_653,  # 31 CFR 501.601: 10 years
    "suspicious_activity": 1_827,  # 31 CFR 1023.320(d): 5 years
    "currency_transactions": 1_827,  # 31 CFR 1010.430: 5 years
    "security_events": 366,  # PCI DSS v4.0 10.5.1: 12 months
    "audit_trail": 2_557,  # the product's own promise: 7 years
}
# Of these the law counts from the end of the account, or of the agency.
FROM_THE_END = frozenset({"customer_accounts", "securityholder_file"})


@dataclass(frozen=True, slots=True)
class Signing:
    """Signed tree heads."""

    key: Annotated[Secret, Key("variable that holds the Ed25519 key; in production this or the next is set")]
    kms_key: Annotated[Secret, Key("variable that names an Ed25519 key of KMS, which then signs in its place")]
    head_seconds: Annotated[int, Key("seconds between two signed heads, while the trail grows", 1, 3_600)]
    lag_seconds: Annotated[int, Key("seconds an event may wait for its leaf before operators are told", 1, 3_600)]


@dataclass(frozen=True, slots=True)
class ChainAnchoring:
    """Tree heads in transactions of the chain, beside those in the bucket."""

    enabled: Annotated[bool, Key("whether heads are also sent to the chain")]
    every_seconds: Annotated[int, Key("seconds between two such anchors", 60, 31 * 86_400)]
    alert_seconds: Annotated[int, Key("seconds a head may wait for one before operators are told", 60, 62 * 86_400)]

    def conflicts(self) -> Iterator[Conflict]:
        """A head that waits for its turn is no fault."""
        yield from _alert_after_turn(self.alert_seconds, self.every_seconds)


@dataclass(frozen=True, slots=True)
class Anchoring:
    """Tree heads kept where we cannot change them."""

    enabled: Annotated[bool, Key("whether heads are anchored in the bucket, where one is named")]
    bucket: Annotated[Secret, Key("variable that names the S3 bucket, which is under object lock", may_be_unset=True)]
    every_seconds: Annotated[int, Key("seconds between two anchors", 60, 86_400)]
    alert_seconds: Annotated[int, Key("seconds a head may wait for its anchor before operators are told", 60, 604_800)]
    object_lock_days: Annotated[int, Key("days an anchor cannot be deleted", 1, LONGEST)]
    chain: ChainAnchoring

    def conflicts(self) -> Iterator[Conflict]:
        """A head that waits for its turn is no fault."""
        yield from _alert_after_turn(self.alert_seconds, self.every_seconds)


def _alert_after_turn(alert: int, every: int) -> Iterator[Conflict]:
    if alert <= every:
        yield Conflict("alert_seconds", str(alert), f"more than every_seconds ({every})")


@dataclass(frozen=True, slots=True)
class Audit:
    """The trail."""

    retention: RetentionByClass
    signing: Signing
    anchoring: Anchoring

    def conflicts(self) -> Iterator[Conflict]:
        """An anchor outlives the trail it proves."""
        if self.anchoring.object_lock_days < self.retention.audit_trail.days:
            least = f"at least retention.audit_trail.days ({self.retention.audit_trail.days})"
            yield Conflict("anchoring.object_lock_days", str(self.anchoring.object_lock_days), least)


@dataclass(frozen=True, slots=True)
class Encryption:
    """Personal data at rest."""

    provider: Annotated[KeyProvider, Key("key provider of production: KMS, never LOCAL")]
    development_provider: Annotated[KeyProvider, Key("key provider of development")]
    kms_key: Annotated[Secret, Key("variable that names the KMS key; set in production")]
    rotation_days: Annotated[int, Key("days after which a key is replaced", 1, 365, "vault")]
    rotation_alert_days: Annotated[int, Key("days before that at which operators are told", 1, 90, "vault")]
    key_cache_seconds: Annotated[int, Key("seconds an open key serves after the provider last confirmed it", 0, 300)]
    backup_days: Annotated[
        int, Key("days after which the oldest backup is gone: an erasure is complete then", 1, 3_653)
    ]

    def conflicts(self) -> Iterator[Conflict]:
        """The alert comes within the rotation's period."""
        if self.rotation_alert_days >= self.rotation_days:
            fewer = f"fewer than rotation_days ({self.rotation_days})"
            yield Conflict("rotation_alert_days", str(self.rotation_alert_days), fewer)
