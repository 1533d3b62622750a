"""The facts eligibility decides on, loaded for many subjects in one query."""

from collections.abc import Sequence

from apps.compliance.rules import Facts
from apps.compliance.types import Subject
from apps.core.db import as_columns, fetch_all
from apps.securities.selectors.securities import securities_named

# With no wallet named, the one furthest along counts: registered before proved, then the oldest.
FACTS = """
SELECT q.ref, p.kyc_status, p.kyc_expires_at, coalesce(p.accredited, false), coalesce(p.tax_residence, party.country),
       party.country, w.address, w.claim_status, w.registration
FROM unnest(%s::text[], %s::uuid[], %s::text[], %s::text[]) AS q(ref, party_id, isin, wallet)
LEFT JOIN compliance_investorprofile p ON p.party_id = q.party_id
LEFT JOIN accounts_party party ON party.id = q.party_id
LEFT JOIN LATERAL (
    SELECT wallet.address, wallet.claim_status, r.status AS registration
    FROM compliance_wallet wallet
    LEFT JOIN compliance_walletregistration r ON r.wallet_id = wallet.id AND r.isin = q.isin
    WHERE wallet.party_id = q.party_id AND (q.wallet IS NULL OR wallet.address = q.wallet)
    ORDER BY (r.status = 'REGISTERED') DESC NULLS LAST, (wallet.claim_status = 'FINAL') DESC, wallet.id
    LIMIT 1
) w ON true
"""


def load_facts(subjects: Sequence[Subject]) -> dict[str, Facts]:
    """Facts by the subject's `ref`. What is unknown is None, and refuses."""
    terms = {view.isin: view for view in securities_named({s.isin for s in subjects})}
    isins = {s.ref: s.isin for s in subjects}
    found = fetch_all(FACTS, as_columns([(s.ref, s.party_id, s.isin, s.wallet_address) for s in subjects], 4))
    facts = {}
    for ref, status, expires, accredited, residence, country, wallet, claim, registration in found:
        security = terms.get(isins[ref])
        facts[ref] = Facts(
            kyc_status=status,
            kyc_expires_at=expires,
            accredited=accredited,
            # Seat or tax residence in the US makes a US person: the stricter answer counts.
            country="US" if "US" in {residence, country} else country,
            wallet_address=wallet,
            claim_status=claim,
            registration=registration,
            security_status=security.status if security else None,
            exemption=security.exemption if security else None,
        )
    return facts
