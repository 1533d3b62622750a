"""The eligibility rules: facts in, every refusing rule out. No database, no clock.

Sources: KYC and identity, 31 CFR 1023.220; accredited purchasers, 17 CFR 230.506(c); offshore offers,
17 CFR 230.903; verified holders only, ERC-3643 (isVerified).
"""

from dataclasses import dataclass
from datetime import datetime

from apps.compliance.types import ClaimStatus, KycStatus, RegistrationStatus, RuleCode

VERSION = 1


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a party, its wallet and the security at the moment of decision."""

    kyc_status: str | None
    kyc_expires_at: datetime | None
    accredited: bool
    country: str | None
    wallet_address: str | None
    claim_status: str | None
    registration: str | None
    security_status: str | None
    exemption: str | None


def refusals(facts: Facts, now: datetime) -> tuple[str, ...]:
    """The codes of every rule that refuses, in a fixed order; empty means eligible."""
    return tuple(
        str(code) for code in (*_identity(facts, now), *_investor_class(facts), *_wallet(facts), *_security(facts))
    )


def _identity(facts: Facts, now: datetime) -> list[RuleCode]:
    if facts.kyc_status is None:
        return [RuleCode.NO_PROFILE]
    if facts.kyc_status == KycStatus.EXPIRED:
        return [RuleCode.KYC_EXPIRED]
    if facts.kyc_status != KycStatus.APPROVED:
        return [RuleCode.KYC_NOT_APPROVED]
    if facts.kyc_expires_at is None or facts.kyc_expires_at <= now:
        return [RuleCode.KYC_EXPIRED]
    return []


def _investor_class(facts: Facts) -> list[RuleCode]:
    if facts.exemption == "REG_D_506C" and not facts.accredited:
        return [RuleCode.NOT_ACCREDITED]
    if facts.exemption == "REG_S" and facts.country == "US":
        return [RuleCode.US_PERSON]
    return []


def _wallet(facts: Facts) -> list[RuleCode]:
    if facts.wallet_address is None:
        return [RuleCode.WALLET_MISSING]
    if facts.claim_status != ClaimStatus.FINAL:
        return [RuleCode.CLAIM_NOT_FINAL]
    if facts.registration != RegistrationStatus.REGISTERED:
        return [RuleCode.WALLET_NOT_REGISTERED]
    return []


def _security(facts: Facts) -> list[RuleCode]:
    if facts.security_status is None:
        return [RuleCode.SECURITY_UNKNOWN]
    if facts.security_status != "ACTIVE":
        return [RuleCode.SECURITY_NOT_ACTIVE]
    return []
