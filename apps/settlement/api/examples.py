"""Examples."""

from typing import Any

from apps.core.http.examples import (
    ALICE,
    ALICES_WALLET,
    AT,
    BOBS_WALLET,
    CASH,
    ISIN,
    LATER,
    SOON,
    TX_HASH,
    Example,
    page,
)

# As Alice sees it: who the other side is, she is not told.
INSTRUCTION: dict[str, Any] = {
    "id": "0195c0d8-9191-7ecc-8395-f60718293041",
    "trade_ref": "trade:1807",
    "isin": ISIN,
    "side": "BUY",
    "seller_party_id": None,
    "buyer_party_id": ALICE,
    "seller_wallet": BOBS_WALLET,
    "buyer_wallet": ALICES_WALLET,
    "quantity": "15",
    "cash_asset": CASH,
    "cash_amount": "1537.500000",
    "trade_date": "2026-03-02",
    "intended_settlement_date": "2026-03-02",
    "deadline": "2026-03-03T09:30:01.500000Z",
    "processing_status": "PACK",
    "settlement_status": "SETT",
    "reason_code": "",
    "reason_detail": "",
    "attempts": 1,
    "intent_id": None,
    "tx_hash": TX_HASH,
    "created_at": SOON,
    "settled_at": LATER,
}
BEGUN: dict[str, Any] = {
    "processing_status": "PACK",
    "settlement_status": "PEND",
    "reason_code": "",
    "reason_detail": "",
    "intent_id": None,
    "tx_hash": "",
    "block_number": None,
    "recorded_at": AT,
}
ENDED = BEGUN | {
    "settlement_status": "SETT",
    "intent_id": "0195c0d8-9292-7fdd-84a6-071829304152",
    "tx_hash": TX_HASH,
    "block_number": 19_204_511,
    "recorded_at": LATER,
}

EXAMPLES = {
    "list_settlement_instructions": Example(answer=page("/api/settlement/instructions", INSTRUCTION)),
    "get_settlement_instruction": Example(answer=INSTRUCTION | {"history": [BEGUN, ENDED]}),
}
