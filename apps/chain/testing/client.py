"""What every test on a chain does with its node: mine, look, wait, and throw blocks away."""

import time
from dataclasses import dataclass
from typing import Any

from apps.chain.gateway import Node

PATIENCE_SECONDS = 10


@dataclass(frozen=True)
class Snapshot:
    """A point of the chain, and the base fee due after it."""

    id: str
    base_fee: str


class ChainClient:
    """A node of the test's own, through the gateway the product uses."""

    url: str
    node: Node

    def mine(self, blocks: int = 1) -> None:
        """Mine blocks: empty, but for what waits in the pool."""
        self.node.call("anvil_mine", hex(blocks))

    def head(self) -> int:
        """The newest block's number."""
        return int(self.node.call("eth_blockNumber"), 16)

    def header(self, tag: int | str) -> dict[str, Any]:
        """The header at a height, or of a tag such as "finalized", as the node gives it."""
        found: dict[str, Any] = self.node.call("eth_getBlockByNumber", hex(tag) if isinstance(tag, int) else tag, False)
        return found

    def hash_at(self, number: int) -> str:
        """The hash of the block at a height."""
        return str(self.header(number)["hash"])

    def hashes(self, first: int, last: int | None = None) -> list[str]:
        """The hashes from one height to another, or to the head."""
        numbers = range(first, (self.head() if last is None else last) + 1)
        answers = self.node.batch([("eth_getBlockByNumber", (hex(number), False)) for number in numbers])
        return [str(answer["hash"]) for answer in answers]

    def receipt(self, tx_hash: str) -> dict[str, Any] | None:
        """The receipt of a transaction, or None where it is not mined."""
        found: dict[str, Any] | None = self.node.call("eth_getTransactionReceipt", tx_hash)
        return found

    def raw(self, tx_hash: str) -> str:
        """Signed bytes of a transaction, to mine it again."""
        return str(self.node.call("eth_getRawTransactionByHash", tx_hash))

    def send_raw(self, signed: str) -> str:
        """Send signed bytes (again) and wait until they are mined; the hash."""
        return self.wait_for(self.node.call("eth_sendRawTransaction", signed))

    def wait_for(self, tx_hash: str) -> str:
        """Wait until a transaction is mined. Raises AssertionError if it never is."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.receipt(tx_hash) is None:
            if time.monotonic() > deadline:
                raise AssertionError(f"not mined: {tx_hash}")
            time.sleep(0.002)
        return tx_hash

    def reorg(self, depth: int, again: list[tuple[str, int]] | None = None) -> None:
        """Replace the last `depth` blocks; `again` holds (signed bytes, index of the new block) to mine anew.

        Blocks that are empty before and after may come out with the hash they had: `forks` makes all of them differ.
        """
        self.node.call("anvil_reorg", depth, again or [])

    def snapshot(self) -> Snapshot:
        """Where the chain stands, to come back to, once."""
        due = self.node.call("eth_feeHistory", "0x1", "latest", [])["baseFeePerGas"][-1]
        return Snapshot(self.node.call("evm_snapshot"), due)

    def restore(self, snapshot: Snapshot) -> None:
        """Undo all blocks since. What waits in the pool still waits. Raises AssertionError if it was come back to."""
        if not self.node.call("evm_revert", snapshot.id):
            raise AssertionError("the snapshot is gone: an older one was gone back to, or a reorg went below it")
        # The node goes on with the fee of the blocks undone.
        self.node.call("anvil_setNextBlockBaseFeePerGas", snapshot.base_fee)

    def close(self) -> None:
        """End the session with the node."""
        self.node.close()
