"""Where the configured node is."""

from collections.abc import Callable
from functools import partial

import httpx
from django.conf import settings

from apps.chain.gateway import Node
from apps.core.providers import provider

__all__ = ["PROVIDER", "Node", "build_sessions", "default_node"]

PROVIDER = "chain_node"


def build_sessions(client: httpx.Client) -> Callable[..., Node]:
    """What makes sessions over the connections, and behind the breaker, that this process shares."""
    return partial(Node, client=client)


def default_node() -> Node:
    """A new session with the configured node (CHAIN_RPC_URL, CHAIN_ID). The caller closes it."""
    node: Node = provider(PROVIDER)(settings.CHAIN_RPC_URL, chain_id=settings.CHAIN_ID)
    return node
