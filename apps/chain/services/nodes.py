"""Where the chain's nodes are."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from django.conf import settings

from apps.chain.endpoints.choice import ordered
from apps.chain.endpoints.rows import limits_of
from apps.chain.endpoints.sessions import PROVIDER, build_sessions, configured, open_session
from apps.chain.gateway import Node
from apps.chain.models import RpcEndpoint
from apps.chain.types.endpoints import EndpointState

__all__ = ["PROVIDER", "Node", "all_nodes", "build_sessions", "default_node"]


def default_node() -> Node:
    """A new session with the best of the configured nodes (CHAIN_RPC_URL and its like). The caller closes it.

    For what asks once and tells its caller what went wrong; engines follow a pool.
    """
    names = list(configured())
    rows = RpcEndpoint.objects.in_bulk(names)
    well = [name for name in names if name not in rows or rows[name].state == EndpointState.HEALTHY]
    # A node that no engine has looked at yet is as good as its place; and where none is well, the first is asked.
    if not well or not rows.keys() >= set(well):
        return open_session((well or names)[0])
    lag = settings.SECURITY.chain.endpoints.lag_blocks
    best = ordered([rows[name] for name in well], followed="", needed=None, lag=lag)[0]
    return open_session(best.pk, limits_of(best))


@contextmanager
def all_nodes() -> Iterator[tuple[Node, ...]]:
    """A session with each configured node, the best first: for what more than one must say."""
    with ExitStack() as stack:
        best = stack.enter_context(default_node())
        others = [name for name in configured() if name != best.name]
        yield (best, *(stack.enter_context(open_session(name)) for name in others))
