"""Examples."""

from typing import Any

from apps.core.http.examples import (
    ALICES_WALLET,
    AT,
    BLOCK_HASH,
    BOBS_WALLET,
    CHECKER,
    ISIN,
    LATER,
    MAKER,
    OFFICER,
    SOON,
    TX_HASH,
    Example,
    page,
)
from apps.reconciliation.verifier import FORMAT, canonical

RUN_ID = "0195c0d7-8080-7caa-9173-d4e5f6071829"
BREAK_ID, RESOLUTION_ID = "0195c0d7-8181-7dbb-8284-e5f607182930", "0195c0d7-8282-7ecc-9395-f60718293041"
REASON = "The issuer's agent took back what it had issued twice."
REMEDY = {
    "debit": {"kind": "POSITION", "wallet_address": ALICES_WALLET},
    "credit": {"kind": "ISSUANCE", "wallet_address": None},
    "amount": "15",
}
BREAK: dict[str, Any] = {
    "id": BREAK_ID,
    "isin": ISIN,
    "kind": "AMOUNT",
    "state": "OPEN",
    "asset": ISIN,
    "wallet_address": ALICES_WALLET,
    "expected": "500",
    "actual": "485",
    "events": "485",
    "message": "The chain has 485 where the books have 500.",
    "tx_hash": TX_HASH,
    "details": {},
    "first_seen_at": SOON,
    "last_seen_at": SOON,
    "run_id": RUN_ID,
    "severity": "CRITICAL",
    "owner_id": OFFICER,
    "remedy": REMEDY,
}
SUMMARY: dict[str, Any] = {
    "id": RUN_ID,
    "isin": ISIN,
    "depth": "FULL",
    "whole": True,
    "status": "BREAKS",
    "cut_off": {
        "chain_id": 1,
        "block_number": 19_204_511,
        "block_hash": BLOCK_HASH,
        "block_time": AT,
        "state_root": TX_HASH,
        "ledger_sequence": 20_415,
        "endpoints": ["CHAIN_RPC_URL"],
    },
    "problems": [],
    "wallets": 214,
    "unknown_reads": 0,
    "in_flight": 3,
    "breaks_found": 1,
    "started_at": SOON,
    "finished_at": LATER,
}
RUN = SUMMARY | {"breaks": [BREAK]}
ROOT, KEY, SIGNATURE = "5c" * 32, "8a" * 32, "d1" * 64
STATEMENT: dict[str, Any] = {
    "balances_slot": f"0x{102:064x}",
    "block_hash": BLOCK_HASH,
    "block_number": 19_204_511,
    "breaks": 0,
    "chain_id": 1,
    "decimals": 0,
    "isin": ISIN,
    "issued_at": LATER,
    "ledger_sequence": 20_415,
    "positions": 214,
    "positions_root": ROOT,
    "run_id": RUN_ID,
    "state_root": TX_HASH,
    "status": "CLEAN",
    "supply": "120000",
    "token": BOBS_WALLET,
}
ATTESTATION: dict[str, Any] = {
    "run_id": RUN_ID,
    "isin": ISIN,
    "block_number": 19_204_511,
    "block_hash": BLOCK_HASH,
    "state_root": TX_HASH,
    "positions": 214,
    "positions_root": ROOT,
    "booked": "120000",
    "units": "120000",
    "supply": "120000",
    "statement": canonical(STATEMENT).decode(),
    "signature": SIGNATURE,
    "public_key": KEY,
    "key_id": "2f5c1b7a4603d8e5",
    "recorded_at": LATER,
}
PROOF: dict[str, Any] = {
    "account": ["0xf90211a0", "0xf8669d3c"],
    "format": FORMAT,
    "header": "0xf90244a0",
    "path": ["1f" * 32, "77" * 32],
    "position": {"booked": "500", "holder": ALICES_WALLET, "index": 41, "units": "500"},
    "signature": {"key": KEY, "value": SIGNATURE},
    "statement": STATEMENT,
    "storage": ["0xf90151a0", "0xe5a03eb5"],
}

RESOLUTION: dict[str, Any] = {
    "id": RESOLUTION_ID,
    "break_id": BREAK_ID,
    "kind": "POST",
    "state": "PROPOSED",
    "reason": REASON,
    "asset": ISIN,
    "remedy": REMEDY,
    "proposed_by": MAKER,
    "proposed_at": SOON,
    "decided_by": None,
    "decided_at": None,
    "transfer_id": None,
}
APPROVED = RESOLUTION | {"state": "APPROVED", "decided_by": CHECKER, "decided_at": LATER, "transfer_id": 20_416}
REJECTED = RESOLUTION | {"state": "REJECTED", "decided_by": CHECKER, "decided_at": LATER}
EVENT: dict[str, Any] = {
    "id": 311,
    "change": "RAISED",
    "run_id": RUN_ID,
    "user_id": None,
    "kind": "AMOUNT",
    "expected": "500",
    "actual": "485",
    "events": "485",
    "tx_hash": TX_HASH,
    "message": "The chain has 485 where the books have 500.",
    "details": {},
    "recorded_at": SOON,
}
LOG: dict[str, Any] = {
    "block_number": 19_204_502,
    "log_index": 3,
    "tx_hash": TX_HASH,
    "token_address": "0x5fbdb2315678afecb367f032d93f642f64180aa3",
    "asset": ISIN,
    "decimals": 0,
    "from_address": ALICES_WALLET,
    "to_address": BOBS_WALLET,
    "amount": "15",
    "finality": "FINAL",
    "transfer_id": None,
}
ENTRY: dict[str, Any] = {
    "id": 20_416,
    "kind": "CORRECTION",
    "state": "POSTED",
    "asset": ISIN,
    "decimals": 0,
    "amount": "15",
    "debit": f"POSITION {ALICES_WALLET}",
    "credit": "ISSUANCE",
    "source_ref": f"resolution:{RESOLUTION_ID}",
    "effective_at": LATER,
}
SENT = {"tx_hash": TX_HASH, "intent_id": None, "kind": "", "state": "", "business_key": ""}
DETAIL = BREAK | {
    "history": [EVENT],
    "resolutions": [RESOLUTION],
    "evidence": {"logs": [LOG], "entries": [ENTRY], "transactions": [SENT]},
}

EXAMPLES = {
    "reconcile": Example(request={"isin": ISIN, "depth": "FULL", "incremental": False}, answer=RUN),
    "list_reconciliation_runs": Example(answer=page("/api/reconciliation/runs", SUMMARY)),
    "get_reconciliation_run": Example(answer=RUN),
    "get_attestation": Example(answer=ATTESTATION),
    "get_position_proof": Example(answer=PROOF, bare=True),
    "list_breaks": Example(answer=page("/api/reconciliation/breaks", BREAK)),
    "get_break": Example(answer=DETAIL),
    "assign_break": Example(request={"owner_id": OFFICER}, answer=BREAK),
    "explain_break": Example(request={"text": REASON}, answer=BREAK),
    "propose_resolution": Example(request={"kind": "POST", "reason": REASON}, answer=RESOLUTION),
    "approve_resolution": Example(answer=APPROVED),
    "reject_resolution": Example(request={"reason": "Ask the registrar first."}, answer=REJECTED),
}
