"""Examples."""

from apps.core.http.examples import ALICES_WALLET, AT, BLOCK_HASH, LATER, SOON, TX_HASH, Example

TOKEN, DVP, CASH_TOKEN, SIGNER = (f"0x{n}1c2d3e4f5061728394a5b6c7d8e9f00112233{n}" for n in ("5a", "6b", "7c", "8d"))

EXAMPLES = {
    "get_chain_intent": Example(
        answer={
            "id": "0195c0d3-2b30-7d55-8c2e-8f90a1b2c3d4",
            "kind": "mint",
            "business_key": "issuance:0195c0d3-2a10-7c44-9b1d-7e8f90a1b2c3",
            "signer": "AGENT",
            "nonce": 42,
            "to": TOKEN,
            "state": "FINAL",
            "reason": "",
            "reason_detail": "",
            "tx_hash": TX_HASH,
            "block_number": 19_204_511,
            "block_hash": BLOCK_HASH,
            "gas_used": 118_402,
            "created_at": AT,
            "finished_at": LATER,
        }
    ),
    "get_chain_status": Example(
        answer={
            "chain_id": 1,
            "head": {"number": 19_204_540, "hash": TX_HASH, "timestamp": LATER},
            "final": {"number": 19_204_511, "hash": BLOCK_HASH, "timestamp": SOON},
            "cursors": [
                {"name": "settlement", "number": 19_204_511, "hash": BLOCK_HASH, "halted": "", "lag_seconds": 71.5}
            ],
            "signers": [
                {"role": "AGENT", "address": SIGNER, "next_nonce": 43, "frozen_reason": "", "low_on_ether": False}
            ],
            "open_intents": {"BROADCAST": 2, "MINED": 1},
            "halted": "",
            "lag_blocks": 1,
            "lag_seconds": 12.25,
            "endpoints": [
                {
                    "name": "CHAIN_RPC_URL",
                    "state": "HEALTHY",
                    "reason": "",
                    "head": 19_204_541,
                    "final": 19_204_511,
                    "lag_blocks": 0,
                    "range_blocks": 1_000,
                    "checked_at": LATER,
                }
            ],
            "coverage": {
                "from_block": 18_000_000,
                "to_block": 19_204_540,
                "contracts": 14,
                "contracts_behind": 1,
                "behind_from": 18_640_000,
            },
            "reorganisations": {"count": 3, "depth": 1, "at": SOON},
            "dead_letters_open": 0,
        }
    ),
    "get_chain_contracts": Example(
        answer={
            "chain_id": 1,
            "dvp": DVP,
            "payment_token": CASH_TOKEN,
            "contracts": {"dvp": DVP, "payment_token": CASH_TOKEN, "trex_factory": ALICES_WALLET},
        }
    ),
}
