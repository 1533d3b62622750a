"""The logs of a run of headers, however they are asked for."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from apps.chain.fetching import plan
from apps.chain.fetching.endpoint import Endpoint
from apps.chain.fetching.headers import complete_headers
from apps.chain.fetching.ranges import fetch_by_ranges
from apps.chain.fetching.receipts import fetch_by_receipts
from apps.chain.fetching.suspects import Suspects, find_suspects
from apps.chain.fetching.whole import fetch_by_bloom
from apps.chain.limits import Mode, ReceiptPolicy
from apps.chain.wire import Header, WireLog


@dataclass(frozen=True, slots=True)
class FetchedBlock:
    """A header with the logs of the contracts asked for, in chain order."""

    header: Header
    logs: Sequence[WireLog]


def fetch_blocks(
    node: Endpoint, headers: Sequence[Header], addresses: Collection[str], *, final_number: int
) -> list[FetchedBlock]:
    """Each header with every log of `addresses` in its block.

    Blocks up to the node's `final_number` may be asked for in ranges, younger ones are asked for by hash. Only blocks
    whose bloom says that one of the contracts may have logged are asked for. All or nothing: raises IncompleteAnswer
    (with `what` and the block's `number`), ChainUnavailable, or RpcError where even one block is refused.
    """
    suspects = find_suspects(headers, addresses)
    asked = complete_headers(node, [header for header in headers if header.hash in suspects])
    final = [header for header in asked if header.number <= final_number]
    found = _final(node, final, suspects) | _whole(node, asked[len(final) :], suspects)
    return [FetchedBlock(header, found.get(header.hash, ())) for header in headers]


def first_that_fit(node: Endpoint, headers: Sequence[Header], addresses: Collection[str]) -> Sequence[Header]:
    """The first of these headers whose logs of `addresses` fit one answer of this node, as predicted: at least one."""
    return plan.first_that_fit(headers, find_suspects(headers, addresses), node.limits)


def all_logs(blocks: Iterable[FetchedBlock]) -> list[WireLog]:
    """The logs of all blocks, in chain order."""
    return [log for block in blocks for log in block.logs]


def _final(node: Endpoint, headers: Sequence[Header], suspects: Suspects) -> dict[str, list[WireLog]]:
    mode = node.policy.mode or plan.choose(headers, node.limits.measured)
    if mode is Mode.RANGES or node.policy.receipts is ReceiptPolicy.BLOOM:
        return fetch_by_ranges(node, headers, suspects, _whole)
    return _whole(node, headers, suspects)


def _whole(node: Endpoint, headers: Sequence[Header], suspects: Suspects) -> dict[str, list[WireLog]]:
    """By whole blocks, held against as much of the header as the chain's policy allows."""
    if node.policy.receipts is ReceiptPolicy.BLOOM:
        return fetch_by_bloom(node, headers, suspects)
    return fetch_by_receipts(node, headers, suspects)
