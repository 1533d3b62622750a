"""The usual indexer: web3.py's get_logs over ranges of blocks; an event decoded by its ABI is a row and a commit."""

from typing import Any

import psycopg2
from web3 import HTTPProvider, Web3

RANGE = 100  # blocks
# The product's indexes: by itself, by block and place, by contract and block, by transaction.
MAKE = """
CREATE TABLE peer_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, block_hash bytea NOT NULL, block_number bigint NOT NULL,
    log_index integer NOT NULL, tx_index integer NOT NULL, tx_hash bytea NOT NULL, address text NOT NULL,
    sender text NOT NULL, recipient text NOT NULL, amount numeric(78,0) NOT NULL, UNIQUE (block_hash, log_index)
);
CREATE INDEX ON peer_event (address, block_number);
CREATE INDEX ON peer_event (tx_hash);
CREATE TABLE peer_checkpoint (number bigint NOT NULL);
INSERT INTO peer_checkpoint VALUES (-1);
GRANT INSERT, SELECT ON peer_event TO PUBLIC;
GRANT SELECT, UPDATE ON peer_checkpoint TO PUBLIC
"""
KEEP = """
    INSERT INTO peer_event
        (block_hash, block_number, log_index, tx_index, tx_hash, address, sender, recipient, amount)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (block_hash, log_index) DO NOTHING
"""
CHECKPOINT = "UPDATE peer_checkpoint SET number = %s"


def index_transfers(*, url: str, token: str, abi: Any, first: int, last: int, database: dict[str, Any]) -> int:
    """Keep the token's Transfers in blocks `first` to `last`; how many there were."""
    contract = Web3(HTTPProvider(url)).eth.contract(address=Web3.to_checksum_address(token), abi=abi)
    transfer = contract.events.Transfer()
    connection = psycopg2.connect(**database)
    kept = 0
    with connection.cursor() as cursor:
        for start in range(first, last + 1, RANGE):
            for log in transfer.get_logs(from_block=start, to_block=min(start + RANGE - 1, last)):
                _keep(cursor, log)
                connection.commit()
                kept += 1
    connection.close()
    return kept


def _keep(cursor: Any, event: Any) -> None:
    moved = event["args"]
    place = (event["blockHash"], event["blockNumber"], event["logIndex"])
    transaction = (event["transactionIndex"], event["transactionHash"], event["address"])
    cursor.execute(KEEP, (*place, *transaction, moved["from"], moved["to"], moved["value"]))
    cursor.execute(CHECKPOINT, (event["blockNumber"],))
