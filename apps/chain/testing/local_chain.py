"""A private development chain with one ERC-20 on it, and hands to reorganise it."""

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from eth_abi.abi import encode

from apps.chain.gateway import Node
from apps.chain.testing.client import ChainClient
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
class LocalChain(ChainClient):
    """anvil at `url`, driven through its unlocked accounts; each transaction mines a block."""

    url: str
    node: Node = field(init=False)
    accounts: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.node = Node(self.url, chain_id=CHAIN_ID)
        self.accounts = self.node.call("eth_accounts")

    @property
    def minter(self) -> str:
        """Who may mint tokens of `deploy_token`."""
        return self.accounts[0]

    def send(self, to: str | None, data: str, sender: str | None = None) -> str:
        """The hash of a mined transaction from an unlocked account."""
        request = {"from": sender or self.minter, "data": data, "gas": hex(3_000_000)}
        return self.wait_for(self.node.call("eth_sendTransaction", request | ({"to": to} if to else {})))

    def deploy_code(self, runtime: str) -> str:
        """The address of a contract whose runtime code is given as hex."""
        size = len(runtime) // 2
        creation = f"0x61{size:04x}600e60003961{size:04x}6000f3{runtime}"
        return self._created(creation)

    def deploy_token(self) -> str:
        """The address of a PaymentToken whose minter is the first account."""
        arguments = encode(["string", "string", "address", "address"], ["Cash", "CASH", self.minter, self.minter])
        return self._created(bytecode("PaymentToken") + arguments.hex())

    def _created(self, creation: str) -> str:
        receipt = self.receipt(self.send(None, creation))
        if receipt is None or receipt["status"] != "0x1":
            raise AssertionError(f"no contract was created: {receipt}")
        return str(receipt["contractAddress"])

    def mint(self, token: str, to: str, amount: int) -> str:
        """Mint units of a token; the transaction's hash."""
        return self.send(token, "0x40c10f19" + encode(["address", "uint256"], [to, amount]).hex())

    def transfer(self, token: str, to: str, amount: int, sender: str) -> str:
        """Move units from an unlocked account; the transaction's hash."""
        return self.send(token, "0xa9059cbb" + encode(["address", "uint256"], [to, amount]).hex(), sender)

    def balance(self, token: str, wallet: str) -> int:
        """A wallet's units at the head."""
        data = "0x70a08231" + encode(["address"], [wallet]).hex()
        return int(self.node.call("eth_call", {"to": token, "data": data}, "latest"), 16)


def speaker(topics: int) -> str:
    """Code of a contract that logs what it is sent: `topics` words of topics, then data."""
    head = f"60{topics * 32:02x}3603"  # the data's size
    load = "".join(f"60{at * 32:02x}35" for at in reversed(range(topics)))
    return f"{head}60{topics * 32:02x}600037{load}{head}6000a{topics}00"
