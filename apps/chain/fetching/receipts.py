"""Logs by the receipts of whole blocks: exact, at the price of reading every transaction of the block."""

from collections.abc import Sequence

import msgspec

from apps.chain import refusals
from apps.chain.errors import IncompleteAnswer, RpcError
from apps.chain.fetching.endpoint import Call, Endpoint
from apps.chain.fetching.headers import complete_headers, less_if_slow
from apps.chain.fetching.plan import fitting
from apps.chain.fetching.refused import give_up
from apps.chain.fetching.suspects import Suspects, silent
from apps.chain.fetching.verified import logs_of
from apps.chain.refusals import Refusal
from apps.chain.wire import RECEIPT, RECEIPTS, Header, ReceiptAnswer, WireLog, decode

Answer = msgspec.Raw | RpcError


def fetch_by_receipts(node: Endpoint, headers: Sequence[Header], suspects: Suspects) -> dict[str, list[WireLog]]:
    """By block hash, the logs of each block's suspects, proved by its receipts root.

    Raises IncompleteAnswer for receipts that are not the block's, ChainUnavailable, or RpcError where they are refused.
    """
    found: dict[str, list[WireLog]] = {}
    rest = complete_headers(node, headers)
    while rest:
        part = rest[: fitting(rest, node.limits)]
        found |= _part(node, part, suspects)
        rest = rest[len(part) :]
    return found


def _part(node: Endpoint, headers: Sequence[Header], suspects: Suspects) -> dict[str, list[WireLog]]:
    """The logs of so many blocks as fit one answer."""
    limits, found = node.limits, {}
    size = doubts = 0
    for header, answer in zip(headers, _ask(node, headers), strict=True):
        size += 0 if isinstance(answer, RpcError) else len(memoryview(answer))
        receipts = _receipts(node, header, answer, alone=len(headers) == 1)
        found[header.hash] = logs_of(header, receipts, suspects[header.hash])
        doubts += bool(silent(suspects[header.hash], found[header.hash]))
    limits.receipts.accept(len(headers))
    limits.measured.learn_bytes(answer=size, gas=sum(header.gas_used for header in headers) if size else 0)
    limits.measured.learn_suspects(blocks=len(headers), logs=sum(map(len, found.values())), silent=doubts)
    return found


def _ask(node: Endpoint, headers: Sequence[Header]) -> Sequence[Answer]:
    """The receipts of each block in one batch, as served; nothing is asked of an endpoint that lacks the method."""
    if not node.limits.block_receipts:
        return [RpcError(-32601, "eth_getBlockReceipts is not there")] * len(headers)
    with less_if_slow(node.limits.receipts, len(headers)):
        return node.ask([("eth_getBlockReceipts", (header.hash,)) for header in headers])


def _receipts(node: Endpoint, header: Header, answer: Answer, *, alone: bool) -> list[ReceiptAnswer]:
    """A block's receipts; where it is refused among others it is asked for alone, where alone by transaction."""
    if not isinstance(answer, RpcError):
        return decode(RECEIPTS, answer, what="receipts", number=header.number)
    meant = refusals.read(answer)
    if meant is Refusal.METHOD:
        node.limits.block_receipts = False
        return _by_transaction(node, header)
    if meant is not Refusal.TOO_MUCH:
        give_up(node, answer, what="receipts", number=header.number)
    if alone:
        return _by_transaction(node, header)
    node.limits.receipts.refuse(node.limits.receipts.value)
    (again,) = _ask(node, [header])
    return _receipts(node, header, again, alone=True)


def _by_transaction(node: Endpoint, header: Header) -> list[ReceiptAnswer]:
    """For an endpoint without eth_getBlockReceipts, and for a block too large for it."""
    calls: list[Call] = [("eth_getTransactionReceipt", (tx_hash,)) for tx_hash in header.transactions or ()]
    receipts = []
    for answer in node.ask(calls) if calls else []:
        if isinstance(answer, RpcError):
            give_up(node, answer, what="receipts", number=header.number)
        receipts.append(decode(RECEIPT, answer, what="receipts", number=header.number))
    if any(receipt.block_hash.lower() != header.hash for receipt in receipts):
        raise IncompleteAnswer(what="receipts of another block", number=header.number)
    return receipts
