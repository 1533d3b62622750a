"""Examples."""

from apps.core.http.examples import ALICE, ALICES_WALLET, CASH, Example, page

EXAMPLES = {
    "list_positions": Example(
        answer=page(
            "/api/ledger/positions",
            {
                "account_id": "0195c0d5-6e60-7a88-9f51-b2c3d4e5f607",
                "party_id": ALICE,
                "asset": CASH,
                "kind": "CASH",
                "wallet_address": ALICES_WALLET,
                "settled": "10000.000000",
                "held": "4100.000000",
                "available": "5900.000000",
                "decimals": 6,
            },
        )
    )
}
