"""Where the configured node is."""

from django.conf import settings

from apps.chain.gateway import Node

__all__ = ["Node", "default_node"]


def default_node() -> Node:
    """A new session with the configured node (CHAIN_RPC_URL, CHAIN_ID). The caller closes it."""
    return Node(settings.CHAIN_RPC_URL, chain_id=settings.CHAIN_ID)
