"""What the tests of the lying node share: a chain with something on it, and questions about it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from apps.chain.errors import RpcError
from apps.chain.gateway import Node
from apps.chain.testing.local_chain import LocalChain, hx
from apps.core.devstack.anvil import private_node

ALICE = hx(0xA11CE)
MINTS = 20


@contextmanager
def minted() -> Iterator[tuple[LocalChain, str]]:
    """A node and a token on it: twenty mints to Alice, of 1, 2, .. 20 units, each in a block of its own."""
    with private_node(slots_in_an_epoch=1) as url:
        chain = LocalChain(url)
        token = chain.deploy_token()
        for number in range(1, MINTS + 1):
            chain.mint(token, ALICE, number)
        chain.mine(2)
        yield chain, token
        chain.close()


def logs_of(node: Node, token: str, first: int = 0, last: int | str = "latest") -> list[dict[str, Any]]:
    """A contract's logs in a range."""
    upto = hex(last) if isinstance(last, int) else last
    found: list[dict[str, Any]] = node.call("eth_getLogs", {"fromBlock": hex(first), "toBlock": upto, "address": token})
    return found


def heights(logs: list[dict[str, Any]]) -> list[int]:
    """The block of each log."""
    return [int(log["blockNumber"], 16) for log in logs]


def refused(node: Node, *call: Any) -> tuple[int, str]:
    """The code and the words of a refusal."""
    with pytest.raises(RpcError) as error:
        node.call(*call)
    return error.value.code, error.value.message
