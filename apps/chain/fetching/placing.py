"""Where a transaction was mined: its block, verified, with the logs of the contracts asked for."""

from collections.abc import Collection
from dataclasses import dataclass

import msgspec

from apps.chain.errors import IncompleteAnswer, TransactionPending, UnknownTransaction
from apps.chain.fetching.blocks import fetch_blocks
from apps.chain.fetching.endpoint import Endpoint
from apps.chain.fetching.headers import fetch_headers
from apps.chain.wire import Header, WireLog, quantity

# Above every final block: it is asked for as a whole, and held against its header, whatever the node calls final.
NOTHING_FINAL = -1


class MinedAnswer(msgspec.Struct, rename="camel"):
    """What of a transaction's receipt tells where it is."""

    transaction_hash: str
    block_hash: str
    block_number: str


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction's block, and every log of the contracts in that block."""

    tx_hash: str
    header: Header
    logs: tuple[WireLog, ...]

    @property
    def its_logs(self) -> list[WireLog]:
        """The logs of the transaction itself."""
        return [log for log in self.logs if log.tx_hash == self.tx_hash]


def fetch_mined(node: Endpoint, tx_hash: str, addresses: Collection[str]) -> Mined:
    """The block that a node says holds the transaction, with the logs of these contracts.

    Raises UnknownTransaction, TransactionPending; IncompleteAnswer where what it says does not agree with the block's
    header; ChainUnavailable, WrongChain, NodePruned, RpcError.
    """
    number, block_hash = _place(node, tx_hash)
    (header,) = fetch_headers(node, number, number)
    if header.hash != block_hash:
        raise IncompleteAnswer(what="receipt of another block", number=number)
    if header.transactions is not None and tx_hash not in header.transactions:
        raise IncompleteAnswer(what="transaction not in its block", number=number)
    (fetched,) = fetch_blocks(node, [header], addresses, final_number=NOTHING_FINAL)
    return Mined(tx_hash, header, tuple(fetched.logs))


def _place(node: Endpoint, tx_hash: str) -> tuple[int, str]:
    """(number, hash) of the block its receipt names."""
    receipt = node.call("eth_getTransactionReceipt", tx_hash)
    if receipt is None:
        if node.call("eth_getTransactionByHash", tx_hash) is None:
            raise UnknownTransaction
        raise TransactionPending
    try:
        answer = msgspec.convert(receipt, MinedAnswer)
        number = quantity(answer.block_number)
    except ValueError:  # msgspec's errors are such, too
        raise IncompleteAnswer(what="receipt") from None
    if answer.transaction_hash.lower() != tx_hash:
        raise IncompleteAnswer(what="receipt of another transaction", number=number)
    return number, answer.block_hash.lower()
