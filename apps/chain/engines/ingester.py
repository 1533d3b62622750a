"""The engine that keeps the chain's blocks and logs."""

import logging
from collections.abc import Callable
from datetime import datetime

from apps.chain.errors import ChainUnavailable, IncompleteAnswer, RpcError
from apps.chain.fetching import RangeCap
from apps.chain.gateway import Node
from apps.chain.services import ingestion, watching
from apps.chain.services.nodes import default_node
from apps.core.daemon import Engine, Leadership

log = logging.getLogger(__name__)


class Ingester(Engine):
    """Follows one node. An answer that does not suffice is asked for again; nothing of it is kept."""

    name = "ingester"
    channels = (watching.CHANNEL,)

    def __init__(self, build_node: Callable[[], Node] = default_node) -> None:
        self._build_node = build_node
        self._node: Node | None = None
        self._cap = RangeCap()
        self._recognised = False

    def lead(self, leadership: Leadership) -> None:
        """Begin a new session with the node."""
        if self._node is not None:
            self._node.close()
        self._node, self._recognised = self._build_node(), False

    def step(self, leadership: Leadership, now: datetime) -> bool:
        """Advance the stream once."""
        if self._node is None:
            raise RuntimeError("step() before lead()")
        try:
            if not self._recognised:
                ingestion.recognise(node=self._node, now=now)
                self._recognised = True
            return ingestion.advance(node=self._node, leadership=leadership, cap=self._cap, now=now)
        except (ChainUnavailable, IncompleteAnswer) as error:
            log.warning("node did not suffice", extra={"code": error.code, **error.details})
        except RpcError as error:
            log.warning("node refused", extra={"rpc_code": error.code})
        return False
