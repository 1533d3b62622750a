"""A private development chain with one ERC-20 on it, and hands to reorganise it."""

import json
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi import encode

from apps.chain.gateway import Node
from apps.core.devstack.layout import CHAIN_ID, CHECKOUT

ZERO = "0x" + "00" * 20


@cache
def bytecode(name: str) -> str:
    """Creation code of a compiled contract."""
    return str(json.loads((Path(CHECKOUT) / "contracts" / "build" / f"{name}.json").read_text())["bytecode"])


def hx(number: int) -> str:
    """An address by number."""
    return f"0x{number:040x}"


@dataclass
class LocalChain:
    """anvil at `url`, driven through its unlocked accounts; each transaction mines a block."""

    url: str
    node: Node = field(init=False)
    accounts: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.node = Node(self.url, chain_id=CHAIN_ID)
        self.accounts = self.node.call("eth_accounts")

    @property
    def minter(self) -> str:
        return self.accounts[0]

    def send(self, to: str | None, data: str, sender: str | None = None) -> str:
        """The hash of a mined transaction from an unlocked account."""
        request = {"from": sender or self.minter, "data": data, "gas": hex(3_000_000)}
        return self._mined(self.node.call("eth_sendTransaction", request | ({"to": to} if to else {})))

    def send_raw(self, signed: str) -> str:
        """Send signed bytes (again) and wait until they are mined."""
        return self._mined(self.node.call("eth_sendRawTransaction", signed))

    def _mined(self, sent: str) -> str:
        deadline = time.monotonic() + 10
        while self.receipt(sent) is None:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        return sent

    def receipt(self, tx_hash: str) -> dict[str, Any]:
        return self.node.call("eth_getTransactionReceipt", tx_hash)

    def deploy_code(self, runtime: str) -> str:
        """The address of a contract whose runtime code is given as hex."""
        size = len(runtime) // 2
        creation = f"0x61{size:04x}600e60003961{size:04x}6000f3{runtime}"
        return str(self.receipt(self.send(None, creation))["contractAddress"])

    def deploy_token(self) -> str:
        """The address of a PaymentToken whose minter is the first account."""
        arguments = encode(["string", "string", "address", "address"], ["Cash", "CASH", self.minter, self.minter])
        receipt = self.receipt(self.send(None, bytecode("PaymentToken") + arguments.hex()))
        assert receipt["status"] == "0x1"
        return str(receipt["contractAddress"])

    def mint(self, token: str, to: str, amount: int) -> str:
        return self.send(token, "0x40c10f19" + encode(["address", "uint256"], [to, amount]).hex())

    def transfer(self, token: str, to: str, amount: int, sender: str) -> str:
        return self.send(token, "0xa9059cbb" + encode(["address", "uint256"], [to, amount]).hex(), sender)

    def mine(self, blocks: int = 1) -> None:
        self.node.call("anvil_mine", hex(blocks))

    def head(self) -> int:
        return int(self.node.call("eth_blockNumber"), 16)

    def hash_at(self, number: int) -> str:
        return str(self.node.call("eth_getBlockByNumber", hex(number), False)["hash"])

    def raw(self, tx_hash: str) -> str:
        """Signed bytes of a transaction, to mine it again."""
        return str(self.node.call("eth_getRawTransactionByHash", tx_hash))

    def reorg(self, depth: int, again: list[tuple[str, int]] | None = None) -> None:
        """Replace the last `depth` blocks; `again` holds (signed bytes, index of the new block) to mine anew."""
        self.node.call("anvil_reorg", depth, again or [])

    def balance(self, token: str, wallet: str) -> int:
        data = "0x70a08231" + encode(["address"], [wallet]).hex()
        return int(self.node.call("eth_call", {"to": token, "data": data}, "latest"), 16)

    def close(self) -> None:
        self.node.close()


def speaker(topics: int) -> str:
    """Code of a contract that logs what it is sent: `topics` words of topics, then data."""
    head = f"60{topics * 32:02x}3603"  # the data's size
    load = "".join(f"60{at * 32:02x}35" for at in reversed(range(topics)))
    return f"{head}60{topics * 32:02x}600037{load}{head}6000a{topics}00"
