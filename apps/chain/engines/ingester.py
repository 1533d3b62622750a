"""The engine that keeps the chain's blocks and logs."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from apps.chain.errors import ChainUnavailable, IncompleteAnswer, NodeBehind, RpcError
from apps.chain.gateway import Node
from apps.chain.services import dead_letters, ingestion, watching
from apps.chain.services.nodes import default_node
from apps.core import clock
from apps.core.daemon import Engine, Leadership

log = logging.getLogger(__name__)


class Ingester(Engine):
    """Follows one node. An answer that does not suffice is asked for again; nothing of it is kept."""

    name = "ingester"
    channels = (watching.CHANNEL,)

    def __init__(self, build_node: Callable[[], Node] = default_node) -> None:
        self._build_node = build_node
        self._node: Node | None = None
        self._recognised = False
        self._complaint = ""

    def lead(self, leadership: Leadership) -> None:
        """Begin a new session with the node, and read what the codec of yesterday could not."""
        if self._node is not None:
            self._node.close()
        self._node, self._recognised = self._build_node(), False
        dead_letters.decode_again(now=clock.now())

    def step(self, leadership: Leadership, now: datetime) -> bool:
        """Advance the stream once."""
        if self._node is None:
            raise RuntimeError("step() before lead()")
        try:
            if not self._recognised:
                ingestion.recognise(node=self._node, now=now)
                self._recognised = True
            more = ingestion.advance(node=self._node, leadership=leadership, now=now)
        except (ChainUnavailable, IncompleteAnswer, NodeBehind) as error:
            self._complain(error.code, error.context)
        except RpcError as error:
            self._complain("rpc_error", {"rpc_code": error.code})
        else:
            self._complaint = ""
            return more
        return False

    def _complain(self, code: str, details: Mapping[str, Any]) -> None:
        """Once for each kind of failure in a row: a node may be away for hours."""
        if code != self._complaint:
            log.warning("node does not suffice", extra={"code": code, **details})
        self._complaint = code
