"""Examples."""

from typing import Any

from apps.core.http.examples import ALICES_WALLET, AT, BLOCK_HASH, ISIN, LATER, SOON, TX_HASH, Example, page

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

EXAMPLES = {
    "reconcile": Example(request={"isin": ISIN, "depth": "FULL", "incremental": False}, answer=RUN),
    "list_reconciliation_runs": Example(answer=page("/api/reconciliation/runs", SUMMARY)),
    "get_reconciliation_run": Example(answer=RUN),
    "list_breaks": Example(answer=page("/api/reconciliation/breaks", BREAK)),
}
