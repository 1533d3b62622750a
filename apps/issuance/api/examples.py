"""Examples."""

from typing import Any

from apps.core.http.examples import (
    ALICE,
    ALICES_WALLET,
    AT,
    BLOCK_HASH,
    BOBS_WALLET,
    CHECKER,
    ISIN,
    LATER,
    MAKER,
    SOON,
    TX_HASH,
    Example,
    page,
)

INTENT = "0195c0d3-2b30-7d55-8c2e-8f90a1b2c3d4"
REQUESTED: dict[str, Any] = {
    "id": "0195c0d3-2a10-7c44-9b1d-7e8f90a1b2c3",
    "client_request_id": "series-a-0001",
    "isin": ISIN,
    "party_id": ALICE,
    "wallet_address": ALICES_WALLET,
    "quantity": "500",
    "status": "REQUESTED",
    "requested_by": MAKER,
    "approved_by": None,
    "rejected_by": None,
    "intent_id": None,
    "tx_hash": "",
    "failure_reason": "",
    "created_at": AT,
    "decided_at": None,
    "ended_at": None,
}
APPROVED = REQUESTED | {"status": "SUBMITTED", "approved_by": CHECKER, "intent_id": INTENT, "decided_at": SOON}
COMPLETED = APPROVED | {"status": "COMPLETED", "tx_hash": TX_HASH, "ended_at": LATER}
REJECTED = REQUESTED | {"status": "REJECTED", "rejected_by": CHECKER, "decided_at": SOON}
TOKEN: dict[str, Any] = {
    "isin": ISIN,
    "state": "LIVE",
    "address": BOBS_WALLET,
    "identity_registry": ALICES_WALLET,
    "decimals": 0,
    "intent_id": INTENT,
    "reason": "",
}
ORDERED = TOKEN | {"state": "REQUESTED", "address": "", "identity_registry": ""}
EVENT: dict[str, Any] = {
    "id": 88_214,
    "isin": ISIN,
    "token_address": TOKEN["address"],
    "event": "MINT",
    "from_address": "0x" + "00" * 20,
    "to_address": ALICES_WALLET,
    "quantity": "500",
    "partition": None,
    "is_decoded": True,
    "tx_hash": TX_HASH,
    "block_number": 19_204_511,
    "block_hash": BLOCK_HASH,
    "block_time": SOON,
    "log_index": 17,
    "finality": "FINAL",
    "intent_id": INTENT,
    "issuance_id": REQUESTED["id"],
}

EXAMPLES = {
    "request_issuance": Example(
        request={"client_request_id": "series-a-0001", "isin": ISIN, "party_id": ALICE, "quantity": "500"},
        answer=REQUESTED,
    ),
    "list_issuances": Example(answer=page("/api/issuance", COMPLETED)),
    "get_issuance": Example(answer=COMPLETED),
    "approve_issuance": Example(answer=APPROVED),
    "reject_issuance": Example(answer=REJECTED),
    "list_token_events": Example(answer=page("/api/issuance/events", EVENT)),
    "ingest_transaction": Example(
        request={"tx_hash": TX_HASH},
        answer={"state": "STORED", "block_number": EVENT["block_number"], "stored": 0, "events": [EVENT]},
        others={202: {"state": "WAITING", "block_number": EVENT["block_number"], "stored": 0, "events": []}},
    ),
    "order_token": Example(request={"isin": ISIN, "agents": [BOBS_WALLET]}, answer=ORDERED),
    "get_token": Example(answer=TOKEN),
}
