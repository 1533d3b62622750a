"""What becomes of a question that no smaller one would answer."""

from typing import NoReturn

from apps.chain import refusals
from apps.chain.errors import ChainUnavailable, IncompleteAnswer, NodePruned, RpcError
from apps.chain.fetching.endpoint import Endpoint
from apps.chain.refusals import Refusal


def give_up(node: Endpoint, error: RpcError, *, what: str, number: int) -> NoReturn:
    """Raise for `what` of block `number`, which the node refused.

    NodePruned where it threw that away (and it is remembered from where on it has them), IncompleteAnswer where it is
    not so far yet, ChainUnavailable where it was asked too often, else the RpcError itself.
    """
    meant = refusals.read(error)
    if meant is Refusal.PRUNED:
        node.limits.oldest_block = max(node.limits.oldest_block, number + 1)
        raise NodePruned(number=number) from None
    if meant is Refusal.BEYOND:
        raise IncompleteAnswer(what=what, number=number) from None
    if meant is Refusal.RATE:
        raise ChainUnavailable(cause="RateLimited", rpc_code=error.code) from None
    raise error
