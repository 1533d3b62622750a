"""What a node said of some blocks: to be told again when they are no more."""

from dataclasses import dataclass, field
from typing import Any, Self

from apps.chain.testing.client import ChainClient

Answer = dict[str, Any]


@dataclass
class Recording:
    """Blocks by height, and their receipts, as a node had them."""

    headers: dict[int, dict[str, Any]] = field(default_factory=dict)
    receipts: dict[int, list[dict[str, Any]]] = field(default_factory=dict)

    @classmethod
    def of(cls, chain: ChainClient, first: int, last: int | None = None) -> Self:
        """All blocks from one height to another, or to the head."""
        heights = range(first, (chain.head() if last is None else last) + 1)
        headers = chain.node.batch([("eth_getBlockByNumber", (hex(height), False)) for height in heights])
        receipts = chain.node.batch([("eth_getBlockReceipts", (hex(height),)) for height in heights])
        return cls(dict(zip(heights, headers, strict=True)), dict(zip(heights, receipts, strict=True)))

    def answer(self, method: str, params: list[Any]) -> Answer | None:
        """What the node would have answered then; None of what is not recorded."""
        if method == "eth_getLogs":
            return self._logs(params[0])
        height = self.height(params[0]) if params else None
        if height is None:
            return None
        if method in {"eth_getBlockByNumber", "eth_getBlockByHash"}:
            return {"result": self.headers[height]}
        if method == "eth_getBlockReceipts":
            return {"result": self.receipts[height]}
        return None

    def height(self, name: Any) -> int | None:
        """The height of a recorded block: by its number, its hash, or the criteria for its logs."""
        if isinstance(name, dict):
            name = name.get("blockHash")
        for height, header in self.headers.items():
            if name in {header["hash"], hex(height)}:
                return height
        return None

    def _logs(self, criteria: dict[str, Any]) -> Answer | None:
        """Those of one block, asked for by its hash."""
        height = self.height(criteria)
        if height is None:
            return None
        wanted = criteria.get("address")
        wanted = [wanted] if isinstance(wanted, str) else wanted
        logs = [log for receipt in self.receipts[height] for log in receipt["logs"]]
        return {"result": [log for log in logs if wanted is None or log["address"] in wanted]}
