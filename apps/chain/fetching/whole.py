"""All logs of a block held against its bloom alone: for chains whose receipts we cannot hash."""

from collections.abc import Sequence

from msgspec import Raw

from apps.chain import bloom
from apps.chain.errors import IncompleteAnswer, RpcError
from apps.chain.fetching.endpoint import Call, Endpoint
from apps.chain.fetching.headers import less_if_slow
from apps.chain.fetching.refused import give_up
from apps.chain.fetching.suspects import Suspects
from apps.chain.wire import LOGS, RECEIPTS, Header, LogAnswer, ReceiptAnswer, WireLog, decode, log_of


def fetch_by_bloom(node: Endpoint, headers: Sequence[Header], suspects: Suspects) -> dict[str, list[WireLog]]:
    """By block hash, the logs of each block's suspects, out of all logs of the block.

    Raises IncompleteAnswer unless the bloom of all is the header's and they are numbered from 0 without a gap: what a
    shorter answer with the same bloom left out is not found. Raises ChainUnavailable, RpcError.
    """
    cap = node.limits.receipts
    found: dict[str, list[WireLog]] = {}
    while len(found) < len(headers):
        part = headers[len(found) :][: cap.value]
        calls: list[Call] = [("eth_getLogs", ({"blockHash": header.hash},)) for header in part]
        with less_if_slow(cap, len(part)):
            answers = node.ask(calls)
        for header, answer in zip(part, answers, strict=True):
            logs = _logs_of_receipts(node, header) if isinstance(answer, RpcError) else _logs(header, answer)
            whole = _require_whole(header, logs)
            found[header.hash] = [log for log in whole if log.address in suspects[header.hash]]
        cap.accept(len(part))
    return found


def _logs(header: Header, answer: Raw) -> list[WireLog]:
    return [log_of(log) for log in decode(LOGS, answer, what="logs", number=header.number)]


def _logs_of_receipts(node: Endpoint, header: Header) -> list[WireLog]:
    """For a block whose logs alone exceed what eth_getLogs gives."""
    (answer,) = node.ask([("eth_getBlockReceipts", (header.hash,))])
    if isinstance(answer, RpcError):
        give_up(node, answer, what="receipts", number=header.number)
    receipts = decode(RECEIPTS, answer, what="receipts", number=header.number)
    return [log_of(log) for receipt in receipts for log in _as_logs(header, receipt)]


def _as_logs(header: Header, receipt: ReceiptAnswer) -> list[LogAnswer]:
    number = hex(header.number)
    return [
        LogAnswer(
            log.address, log.topics, log.data, log.block_hash, number, log.log_index,
            receipt.transaction_hash, log.transaction_index, log.removed,
        )
        for log in receipt.logs
    ]  # fmt: skip


def _require_whole(header: Header, logs: list[WireLog]) -> list[WireLog]:
    ordered = sorted(logs, key=lambda log: log.log_index)
    items = {item for log in ordered for item in (log.address, *log.topics)}
    numbered = [log.log_index for log in ordered] == list(range(len(ordered)))
    ours = all(log.block_hash == header.hash and log.block_number == header.number for log in ordered)
    if bloom.bloom_of(items) != header.bloom or not numbered or not ours:
        raise IncompleteAnswer(what="logs against the bloom", number=header.number)
    return ordered
