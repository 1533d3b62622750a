"""The usual sender: web3.py asks for nonce and fees, eth-account signs, the node is sent to, a row is committed."""

import time
from typing import Any

import psycopg2
from web3 import HTTPProvider, Web3
from web3.exceptions import TransactionNotFound

POLL_SECONDS = 0.1
MAKE = """
CREATE TABLE IF NOT EXISTS peer_transaction (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, nonce bigint NOT NULL, tx_hash text NOT NULL UNIQUE,
    raw bytea NOT NULL, status smallint, block_number bigint
);
GRANT INSERT, SELECT, UPDATE ON peer_transaction TO PUBLIC
"""
KEEP = "INSERT INTO peer_transaction (nonce, tx_hash, raw) VALUES (%s, %s, %s)"
MINED = "UPDATE peer_transaction SET status = %s, block_number = %s WHERE tx_hash = %s"
APPROVE = [
    {
        "type": "function",
        "name": "approve",
        "stateMutability": "nonpayable",
        "inputs": [{"name": "spender", "type": "address"}, {"name": "value", "type": "uint256"}],
        "outputs": [{"name": "", "type": "bool"}],
    }
]


def send_approvals(*, url: str, token: str, key: str, count: int, gas: int, database: dict[str, Any]) -> None:
    """Send so many approvals and wait until each is in a block."""
    w3 = Web3(HTTPProvider(url))
    account = w3.eth.account.from_key(key)
    contract = w3.eth.contract(address=Web3.to_checksum_address(token), abi=APPROVE)
    connection = psycopg2.connect(**database)
    hashes = []
    with connection.cursor() as cursor:
        for number in range(1, count + 1):
            nonce = w3.eth.get_transaction_count(account.address, "pending")
            call = contract.functions.approve(Web3.to_checksum_address(f"0x{number:040x}"), number)
            # Fees and chain id are asked for, as build_transaction() does where it is given none.
            signed = account.sign_transaction(
                call.build_transaction({"from": account.address, "nonce": nonce, "gas": gas})
            )
            hashes.append(w3.eth.send_raw_transaction(signed.raw_transaction))
            cursor.execute(KEEP, (nonce, hashes[-1].to_0x_hex(), bytes(signed.raw_transaction)))
            connection.commit()
        for hash_ in hashes:
            receipt = _receipt(w3, hash_)
            cursor.execute(MINED, (receipt["status"], receipt["blockNumber"], hash_.to_0x_hex()))
            connection.commit()
    connection.close()


def _receipt(w3: Web3, hash_: Any) -> Any:
    while True:
        try:
            return w3.eth.get_transaction_receipt(hash_)
        except TransactionNotFound:
            time.sleep(POLL_SECONDS)
