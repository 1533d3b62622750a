"""A block's logs out of its receipts: proved by the header's root, their places counted here."""

from collections.abc import Collection, Sequence

from apps.chain.errors import IncompleteAnswer
from apps.chain.proofs.errors import Unverifiable
from apps.chain.proofs.receipts import receipts_root
from apps.chain.wire import Header, ReceiptAnswer, WireLog


def logs_of(header: Header, receipts: Sequence[ReceiptAnswer], wanted: Collection[str]) -> list[WireLog]:
    """The logs of the `wanted` contracts in chain order.

    Raises IncompleteAnswer unless the receipts are all of the block's and nothing else: their root is the header's,
    and what the root does not cover (transaction hashes, block hash, indexes) agrees with the header and our count.
    """
    try:
        root = receipts_root(receipts)
    except Unverifiable:
        raise IncompleteAnswer(what="unverifiable receipts", number=header.number) from None
    if root != header.receipts_root:
        raise IncompleteAnswer(what="receipts against their root", number=header.number)
    if tuple([receipt.transaction_hash.lower() for receipt in receipts]) != header.transactions:
        raise IncompleteAnswer(what="receipts of other transactions", number=header.number)
    logs: list[WireLog] = []
    start = 0
    for index, receipt in enumerate(receipts):
        _require_place(header, receipt, index, start)
        logs += _wanted(header, receipt, index, start, wanted)
        start += len(receipt.logs)
    return logs


def _require_place(header: Header, receipt: ReceiptAnswer, index: int, start: int) -> None:
    """Raise IncompleteAnswer unless the receipt and its logs say of themselves where they were counted."""
    where = f"0x{index:x}"
    misplaced = receipt.transaction_index != where or receipt.block_hash.lower() != header.hash
    block_hash = receipt.block_hash
    for at, log in enumerate(receipt.logs, start):
        if (
            log.log_index != f"0x{at:x}"
            or log.transaction_index != where
            or log.block_hash != block_hash
            or log.removed
        ):
            misplaced = True
    if misplaced:
        raise IncompleteAnswer(what="logs out of place", number=header.number)


def _wanted(header: Header, receipt: ReceiptAnswer, index: int, start: int, wanted: Collection[str]) -> list[WireLog]:
    number, hash_, tx_hash = header.number, header.hash, receipt.transaction_hash.lower()
    return [
        WireLog(
            number,
            hash_,
            at,
            tx_hash,
            index,
            address,
            tuple([topic.lower() for topic in log.topics]),
            log.data.lower(),
        )
        for at, log in enumerate(receipt.logs, start)
        if (address := log.address.lower()) in wanted
    ]
