"""What a node is asked, and how its answers are checked against the headers.

A load-balanced, lagging or pruned node may answer `[]` with no error. So a header whose bloom says that a contract
may have logged, while no log of it came, is a doubt: all logs of that block are fetched, and their bloom must be
the header's own. Otherwise nothing of the answer is kept (IncompleteAnswer) and the caller tries again later.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.chain import bloom
from apps.chain.errors import ChainUnavailable, IncompleteAnswer, RpcError
from apps.chain.gateway import Call, Node
from apps.chain.wire import Header, WireLog, read_header, read_log

WIDEST_RANGE = 2_000

# By block hash, the contracts that its bloom says may have logged in it.
Suspects = Mapping[str, set[str]]


@dataclass(slots=True)
class RangeCap:
    """How many blocks this node takes in one question: halved when it refuses, grown slowly when it does not."""

    blocks: int = WIDEST_RANGE

    def halve(self, tried: int) -> None:
        """Ask for at most half of what was refused."""
        self.blocks = max(1, tried // 2)

    def grow(self) -> None:
        """Try a tenth more next time."""
        self.blocks = min(WIDEST_RANGE, self.blocks + max(1, self.blocks // 10))


@dataclass(frozen=True, slots=True)
class Tip:
    """A node's own newest block, and its newest final one (None on a chain that has none yet)."""

    head: Header
    final: Header | None


def fetch_tip(node: Node) -> Tip:
    """The node's newest and newest final header. Raises ChainUnavailable, IncompleteAnswer."""
    head, final = node.batch([_header("latest"), _header("finalized")])
    if isinstance(head, RpcError):
        raise head
    missing = final is None or isinstance(final, RpcError)
    return Tip(read_header(head), None if missing else read_header(final))


def fetch_headers(node: Node, first: int, last: int) -> list[Header]:
    """Headers `first` to `last`, each the child of the one before it.

    Raises IncompleteAnswer if one is missing or the chain changed while it was read.
    """
    answers = node.batch([_header(hex(number)) for number in range(first, last + 1)])
    headers = [read_header(answer) for answer in _without_errors(answers)]
    require_linked(headers, first)
    return headers


def require_linked(headers: Sequence[Header], first: int) -> None:
    """Raise IncompleteAnswer unless the headers are numbered from `first` on and linked by parent hash."""
    for index, header in enumerate(headers):
        linked = index == 0 or header.parent_hash == headers[index - 1].hash
        if header.number != first + index or not linked:
            raise IncompleteAnswer(what="unlinked headers", number=header.number)


def fetch_logs(
    node: Node, headers: Sequence[Header], addresses: Collection[str], *, final_number: int, cap: RangeCap
) -> list[WireLog]:
    """Every log of `addresses` in the blocks of `headers`, in chain order.

    Blocks up to the node's `final_number` are asked for in ranges, younger ones by hash. Raises IncompleteAnswer,
    ChainUnavailable, or RpcError where even one block is refused.
    """
    suspects = {header.hash: found for header in headers if (found := _suspects(header, addresses))}
    asked = [header for header in headers if header.hash in suspects]
    try:
        logs = _in_ranges(node, [header for header in asked if header.number <= final_number], suspects, cap)
        logs += _by_hash(node, [header for header in asked if header.number > final_number], suspects)
    except ChainUnavailable as error:
        if error.context.get("cause") in {"ReadTimeout", "AnswerTooLong"}:
            cap.halve(len(headers))  # less the next time
        raise
    by_block = _checked(logs, asked, addresses)
    _resolve_doubts(node, by_block, asked, suspects)
    cap.grow()
    return [log for header in headers for log in by_block.get(header.hash, ())]


def _suspects(header: Header, addresses: Collection[str]) -> set[str]:
    if not header.bloom:
        return set()
    return {address for address in addresses if bloom.may_contain(header.bloom, address)}


def _by_hash(node: Node, headers: Sequence[Header], suspects: Suspects) -> list[WireLog]:
    calls: list[Call] = [
        ("eth_getLogs", ({"blockHash": header.hash, "address": sorted(suspects[header.hash])},)) for header in headers
    ]
    logs: list[WireLog] = []
    for header, answer in zip(headers, node.batch(calls) if calls else [], strict=True):
        logs += _from_whole_block(node, header, suspects) if isinstance(answer, RpcError) else _logs(answer)
    return logs


def _in_ranges(node: Node, headers: Sequence[Header], suspects: Suspects, cap: RangeCap) -> list[WireLog]:
    """Ranges over the blocks that may hold logs; one that is refused is halved and the cap remembered."""
    logs: list[WireLog] = []
    at = 0
    while at < len(headers):
        upto = at
        while upto + 1 < len(headers) and headers[upto + 1].number < headers[at].number + cap.blocks:
            upto += 1
        try:
            logs += _range(node, headers[at : upto + 1], suspects)
        except RpcError:
            if upto > at:
                cap.halve(headers[upto].number - headers[at].number + 1)
                continue
            logs += _from_whole_block(node, headers[at], suspects)
        at = upto + 1
    return logs


def _from_whole_block(node: Node, header: Header, suspects: Suspects) -> list[WireLog]:
    """Where one block is refused: it has too many logs for an answer, or the node lost it, and this refuses too."""
    (whole,) = fetch_whole_blocks(node, [header])
    return [log for log in whole if log.address in suspects[header.hash]]


def _range(node: Node, headers: Sequence[Header], suspects: Suspects) -> list[WireLog]:
    wanted = sorted(set().union(*(suspects[header.hash] for header in headers)))
    span = {"fromBlock": hex(headers[0].number), "toBlock": hex(headers[-1].number)}
    return _logs(node.call("eth_getLogs", span | {"address": wanted}))


def _logs(answer: Any) -> list[WireLog]:
    if not isinstance(answer, list):
        raise IncompleteAnswer(what="logs")
    return [read_log(log) for log in answer]


def _checked(
    logs: Iterable[WireLog], headers: Sequence[Header], addresses: Collection[str]
) -> dict[str, list[WireLog]]:
    """Logs by block hash, in order, once each. Raises IncompleteAnswer for one that its header rules out."""
    known = {header.hash: header for header in headers}
    by_block: dict[str, dict[int, WireLog]] = defaultdict(dict)
    for log in logs:
        header = known.get(log.block_hash)
        if header is None or header.number != log.block_number or log.address not in addresses:
            raise IncompleteAnswer(what="log of another block", number=log.block_number)
        if not all(bloom.may_contain(header.bloom, item) for item in (log.address, *log.topics)):
            raise IncompleteAnswer(what="log against the bloom", number=log.block_number)
        by_block[log.block_hash][log.log_index] = log
    return {hash_: [found[index] for index in sorted(found)] for hash_, found in by_block.items()}


def _resolve_doubts(
    node: Node, by_block: dict[str, list[WireLog]], headers: Sequence[Header], suspects: Suspects
) -> None:
    """Replace the logs of blocks where a suspected contract is silent by what the whole block says."""
    doubtful = [
        header for header in headers if suspects[header.hash] - {log.address for log in by_block.get(header.hash, ())}
    ]
    for header, whole in zip(doubtful, fetch_whole_blocks(node, doubtful), strict=True):
        by_block[header.hash] = [log for log in whole if log.address in suspects[header.hash]]


def fetch_whole_blocks(node: Node, headers: Sequence[Header]) -> list[list[WireLog]]:
    """All logs of each block, of whatever contract. Raises IncompleteAnswer unless their bloom is the header's."""
    calls: list[Call] = [("eth_getLogs", ({"blockHash": header.hash},)) for header in headers]
    found = []
    for header, answer in zip(headers, node.batch(calls) if calls else [], strict=True):
        logs = _logs_of_receipts(node, header) if isinstance(answer, RpcError) else _logs(answer)
        found.append(_require_whole(header, logs))
    return found


def _logs_of_receipts(node: Node, header: Header) -> list[WireLog]:
    """For a block whose logs alone exceed what eth_getLogs gives."""
    receipts = node.call("eth_getBlockReceipts", header.hash)
    return [log for receipt in receipts or [] for log in _logs(receipt.get("logs"))]


def _require_whole(header: Header, logs: list[WireLog]) -> list[WireLog]:
    ordered = sorted(logs, key=lambda log: log.log_index)
    items = {item for log in ordered for item in (log.address, *log.topics)}
    numbered = [log.log_index for log in ordered] == list(range(len(ordered)))
    ours = all(log.block_hash == header.hash and log.block_number == header.number for log in ordered)
    if bloom.bloom_of(items) != header.bloom or not numbered or not ours:
        raise IncompleteAnswer(what="logs against the bloom", number=header.number)
    return ordered


def _header(tag: str) -> Call:
    return "eth_getBlockByNumber", (tag, False)


def _without_errors(answers: Sequence[Any]) -> Sequence[Any]:
    for answer in answers:
        if isinstance(answer, RpcError):
            raise answer
    return answers
