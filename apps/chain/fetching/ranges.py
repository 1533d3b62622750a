"""Logs by eth_getLogs over ranges of blocks: cheap where few of many transactions concern us.

A node that is load-balanced, lagging or pruned may answer less than there is, without an error. So a block whose
bloom says that a contract may have logged, while no log of it came, is a doubt: the whole block decides. What is
left open is an answer that lacks some of a contract's logs in a block, and not others.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from apps.chain import bloom, refusals
from apps.chain.errors import IncompleteAnswer, RpcError
from apps.chain.fetching.endpoint import Endpoint
from apps.chain.fetching.headers import less_if_slow
from apps.chain.fetching.plan import within_range
from apps.chain.fetching.refused import give_up
from apps.chain.fetching.suspects import Suspects, silent
from apps.chain.refusals import Refusal
from apps.chain.wire import LOGS, Header, WireLog, decode, log_of

ByBlock = dict[str, list[WireLog]]
# Receipts would not be served either.
FINAL = frozenset({Refusal.RATE, Refusal.PRUNED, Refusal.BEYOND})
WholeBlocks = Callable[[Endpoint, Sequence[Header], Suspects], ByBlock]


def fetch_by_ranges(node: Endpoint, headers: Sequence[Header], suspects: Suspects, whole: WholeBlocks) -> ByBlock:
    """By block hash, the logs of each block's suspects; `whole` decides doubts and reads what ranges cannot.

    Raises IncompleteAnswer for a log that its header rules out, ChainUnavailable, RpcError where even one block is
    refused.
    """
    found: ByBlock = {}
    at = 0
    while at < len(headers):
        part = within_range(headers[at:], node.limits)
        answer = _range(node, part, suspects, partial(whole, node, part, suspects))
        if answer is not None:
            found |= answer
            at += len(part)
    doubtful = [header for header in headers if silent(suspects[header.hash], found.get(header.hash, ()))]
    node.limits.measured.learn_suspects(blocks=len(headers), logs=sum(map(len, found.values())), silent=len(doubtful))
    return found | (whole(node, doubtful, suspects) if doubtful else {})


def _range(
    node: Endpoint, headers: Sequence[Header], suspects: Suspects, whole: Callable[[], ByBlock]
) -> ByBlock | None:
    """The logs of one range, None where it was refused and a smaller one is to be tried."""
    width = headers[-1].number - headers[0].number + 1
    cap = node.limits.ranges
    wanted = frozenset().union(*(suspects[header.hash] for header in headers))
    span = {"fromBlock": hex(headers[0].number), "toBlock": hex(headers[-1].number), "address": sorted(wanted)}
    with less_if_slow(cap, width):
        (answer,) = node.ask([("eth_getLogs", (span,))])
    if not isinstance(answer, RpcError):
        served = decode(LOGS, answer, what="logs", number=headers[0].number)
        cap.accept(width)
        return _checked(map(log_of, served), headers, suspects)
    meant = refusals.read(answer)
    if meant in FINAL:
        give_up(node, answer, what="logs", number=headers[0].number if meant is Refusal.PRUNED else headers[-1].number)
    if meant is not Refusal.TOO_MUCH or len(headers) == 1:
        return whole()
    hint = refusals.hint(answer)
    cap.refuse(width, hint=hint.blocks if hint else None, lasting=bool(hint and hint.lasting))
    return None


def _checked(logs: Iterable[WireLog], headers: Sequence[Header], suspects: Suspects) -> ByBlock:
    """Logs by block hash, in order. Raises IncompleteAnswer for one that its header rules out."""
    known = {header.hash: header for header in headers}
    by_block: dict[str, dict[int, WireLog]] = defaultdict(dict)
    for log in logs:
        header = known.get(log.block_hash)
        if header is None or header.number != log.block_number:
            raise IncompleteAnswer(what="log of another block", number=log.block_number)
        if log.address not in suspects[header.hash]:
            raise IncompleteAnswer(what="log of another contract", number=log.block_number)
        _require_possible(log, header)
        if by_block[header.hash].setdefault(log.log_index, log) != log:
            raise IncompleteAnswer(what="two logs in one place", number=log.block_number)
    return {hash_: [found[index] for index in sorted(found)] for hash_, found in by_block.items()}


def _require_possible(log: WireLog, header: Header) -> None:
    if not all(bloom.may_contain(header.bloom, topic) for topic in log.topics):
        raise IncompleteAnswer(what="log against the bloom", number=header.number)
    hashes = header.transactions
    if hashes is not None and (log.tx_index >= len(hashes) or hashes[log.tx_index] != log.tx_hash):
        raise IncompleteAnswer(what="log of another transaction", number=header.number)
