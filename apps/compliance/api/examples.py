"""Examples."""

from typing import Any

from apps.core.http.examples import ALICE, ALICES_WALLET, AT, ISIN, SOON, Example, page

CHALLENGE = "0195c0d2-4c40-7e66-9d3f-90a1b2c3d4e5"
MESSAGE = f"""bookentry.example wants you to sign in with your Ethereum account:
{ALICES_WALLET}

I hold the key of this wallet and assign it to my investor account.

URI: https://bookentry.example/api/dex/wallets
Version: 1
Chain ID: 1
Nonce: f9fb344427a76b80908da15702276289
Issued At: 2026-03-02T09:30:00Z
Expiration Time: 2026-03-02T09:40:00Z"""
PROFILE: dict[str, Any] = {
    "party_id": ALICE,
    "kyc_status": "APPROVED",
    "kyc_decided_at": SOON,
    "kyc_expires_at": "2027-03-02T09:30:01.500000Z",
    "claim_status": "FINAL",
    "accredited": True,
    "accreditation_claimed": True,
    "tax_residence": "DE",
    "created_at": AT,
}
PENDING = PROFILE | {
    "kyc_status": "PENDING",
    "kyc_decided_at": None,
    "kyc_expires_at": None,
    "claim_status": "NONE",
    "accredited": False,
}
WALLET: dict[str, Any] = {
    "address": ALICES_WALLET,
    "party_id": ALICE,
    "claim_status": "FINAL",
    "registered_isins": [ISIN],
    "proved_at": AT,
}

EXAMPLES = {
    "get_profile": Example(answer=PROFILE),
    "update_profile": Example(request={"tax_residence": "DE", "accreditation_claimed": True}, answer=PENDING),
    "list_investors": Example(answer=page("/api/compliance/investors", PROFILE)),
    "get_investor": Example(answer=PROFILE),
    "decide_kyc": Example(
        request={
            "status": "APPROVED",
            "reason": "Passport and proof of address seen; income documents of 2025.",
            "accredited": True,
            "expires_at": "2027-03-02T09:30:01.500000Z",
        },
        answer=PROFILE,
    ),
    "challenge_wallet": Example(
        request={"address": ALICES_WALLET},
        answer={"challenge_id": CHALLENGE, "message": MESSAGE, "expires_at": "2026-03-02T09:40:00.250000Z"},
    ),
    "prove_wallet": Example(
        request={"challenge_id": CHALLENGE, "signature": f"0x{'5e' * 64}1b"},
        answer=WALLET | {"claim_status": "REQUESTED", "registered_isins": []},
    ),
    "list_wallets": Example(answer=page("/api/dex/wallets", WALLET)),
}
