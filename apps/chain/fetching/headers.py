"""Headers: asked for in batches, hashed again, and linked each to the one before it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from apps.chain.errors import ChainUnavailable, IncompleteAnswer, RpcError
from apps.chain.fetching.endpoint import Call, Endpoint
from apps.chain.limits import Cap, HeaderPolicy, Policy
from apps.chain.proofs.errors import Unverifiable
from apps.chain.proofs.headers import header_hash
from apps.chain.wire import HEADER, Header, HeaderAnswer, decode, header_of

TOO_SLOW = frozenset({"ReadTimeout", "AnswerTooLong"})


@dataclass(frozen=True, slots=True)
class Tip:
    """A node's own newest block, and its newest final one (None on a chain that has none yet)."""

    head: Header
    final: Header | None


def fetch_tip(node: Endpoint) -> Tip:
    """The node's newest and newest final header, asked together with its chain id.

    Raises ChainUnavailable, WrongChain, IncompleteAnswer, RpcError.
    """
    chain, head, final = node.ask([("eth_chainId", ()), _by_number("latest"), _by_number("finalized")])
    node.require_chain(chain)
    if isinstance(head, RpcError):
        raise head
    missing = isinstance(final, RpcError) or msgspec.json.decode(final) is None
    return Tip(_header(head, node.policy, None), None if missing else _header(_result(final), node.policy, None))


def fetch_headers(node: Endpoint, first: int, last: int) -> list[Header]:
    """Headers `first` to `last`, each the child of the one before it.

    Raises IncompleteAnswer if one is missing, does not hash to what it claims, or the chain changed meanwhile;
    ChainUnavailable; RpcError where one is refused.
    """
    numbers = range(first, last + 1)
    headers = _fetch(node, [_by_number(hex(number)) for number in numbers], numbers)
    require_linked(headers, first)
    return headers


def complete_headers(node: Endpoint, headers: Sequence[Header]) -> list[Header]:
    """The same headers with what a stored block does not tell: gas used and the hashes of its transactions.

    Raises as `fetch_headers`.
    """
    lacking = [header for header in headers if header.transactions is None]
    calls: list[Call] = [("eth_getBlockByHash", (header.hash, False)) for header in lacking]
    found = {each.hash: each for each in _fetch(node, calls, [header.number for header in lacking])}
    for header in lacking:
        if header.hash not in found or found[header.hash].number != header.number:
            raise IncompleteAnswer(what="another block", number=header.number)
    return [found.get(header.hash, header) for header in headers]


def require_linked(headers: Sequence[Header], first: int) -> None:
    """Raise IncompleteAnswer unless the headers are numbered from `first` on and linked by parent hash."""
    for index, header in enumerate(headers):
        linked = index == 0 or header.parent_hash == headers[index - 1].hash
        if header.number != first + index or not linked:
            raise IncompleteAnswer(what="unlinked headers", number=first + index)


@contextmanager
def less_if_slow(cap: Cap, tried: int) -> Iterator[None]:
    """Ask for less the next time where this answer took too long or was too long. The error goes on."""
    try:
        yield
    except ChainUnavailable as error:
        if error.context.get("cause") in TOO_SLOW:
            cap.refuse(tried)
        raise


def _fetch(node: Endpoint, calls: Sequence[Call], numbers: Sequence[int]) -> list[Header]:
    headers: list[Header] = []
    cap = node.limits.headers
    while len(headers) < len(calls):
        start, part = len(headers), calls[len(headers) : len(headers) + cap.value]
        with less_if_slow(cap, len(part)):
            answers = node.ask(part)
        headers += [
            _header(_result(answer), node.policy, number)
            for answer, number in zip(answers, numbers[start : start + len(part)], strict=True)
        ]
        cap.accept(len(part))
    return headers


def _result(answer: msgspec.Raw | RpcError) -> msgspec.Raw:
    if isinstance(answer, RpcError):
        raise answer
    return answer


def _header(answer: msgspec.Raw, policy: Policy, number: int | None) -> Header:
    served = decode(HEADER, answer, what="header", number=number)
    header = header_of(served)
    if policy.headers is HeaderPolicy.VERIFY:
        _require_hash(served, header, answer)
    return header


def _require_hash(served: HeaderAnswer, header: Header, answer: msgspec.Raw) -> None:
    try:
        found = header_hash(served)
    except Unverifiable as error:
        raise IncompleteAnswer(what="unverifiable header", number=header.number, reason=str(error)) from None
    if found != header.hash:
        raise IncompleteAnswer(what="header against its hash", number=header.number, unknown=_unknown_fields(answer))


BESIDE_THE_HEADER = frozenset({"hash", "size", "totalDifficulty", "transactions", "uncles", "withdrawals"})


def _unknown_fields(answer: msgspec.Raw) -> str:
    """Fields this version does not know, which a later fork may have put under the hash: names, bounded."""
    known = {field.encode_name for field in msgspec.structs.fields(HeaderAnswer)} | BESIDE_THE_HEADER
    return " ".join(sorted(set(msgspec.json.decode(answer)) - known))[:200]


def _by_number(tag: str) -> Call:
    return "eth_getBlockByNumber", (tag, False)
