"""Examples."""

from typing import Any

from apps.core.http.examples import (
    ALICES_WALLET,
    AT,
    BLOCK_HASH,
    BOBS_WALLET,
    ISIN,
    LATER,
    SOON,
    TX_HASH,
    Example,
    page,
)
from apps.reconciliation.verifier import FORMAT, canonical

RUN_ID = "0195c0d7-8080-7caa-9173-d4e5f6071829"
BREAK: dict[str, Any] = {
    "id": "0195c0d7-8181-7dbb-8284-e5f607182930",
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

EXAMPLES = {
    "reconcile": Example(request={"isin": ISIN, "depth": "FULL", "incremental": False}, answer=RUN),
    "list_reconciliation_runs": Example(answer=page("/api/reconciliation/runs", SUMMARY)),
    "get_reconciliation_run": Example(answer=RUN),
    "get_attestation": Example(answer=ATTESTATION),
    "get_position_proof": Example(answer=PROOF, bare=True),
    "list_breaks": Example(answer=page("/api/reconciliation/breaks", BREAK)),
}
