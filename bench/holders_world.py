"""An ERC-3643 token with very many holders on a node of its own, its balances written straight into its storage."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from apps.core.devstack.anvil import private_node

if TYPE_CHECKING:  # other benchmarks are not to carry web3
    from contracts.tests.node import Chain

BALANCES, SUPPLY = 102, 104  # slots of T-REX 4.1.6
GAS_OF_A_CALL = 50_000_000  # what geth gives an eth_call unless it is told otherwise
SEEDED_AT_ONCE = 2_000


@dataclass(frozen=True)
class Holders:
    """The node, the token, our aggregator, the block's number and hash, and each wallet's base units there."""

    url: str
    token: str
    aggregator: str
    block_number: int
    block_hash: str
    units: Mapping[str, int]


@contextmanager
def holders_world(holders: int) -> Iterator[Holders]:
    """It is the product's node in this process, if Django is set up within the block."""
    from contracts.tests.erc3643 import deploy_platform
    from contracts.tests.node import Chain

    with private_node(gas_limit=GAS_OF_A_CALL) as url:
        os.environ["CHAIN_RPC_URL"] = url
        chain = Chain(url)
        owner, manager, agent = chain.accounts[:3]
        platform = deploy_platform(chain, owner=owner, manager=manager, agent=agent)
        token = platform.deploy_token("BENCH", topics=()).token.address
        units = {_wallet(number): number + 1 for number in range(holders)}
        aggregator = chain.deploy("Multicall", sender=owner).address
        _seed(chain, token, units)
        chain.rpc("evm_mine")
        block = chain.rpc("eth_getBlockByNumber", "latest", False)
        yield Holders(url, token.lower(), aggregator.lower(), int(block["number"], 16), block["hash"], units)


def _wallet(number: int) -> str:
    return "0x" + sha256(number.to_bytes(4, "big")).hexdigest()[:40]


def _seed(chain: "Chain", token: str, units: Mapping[str, int]) -> None:
    from eth_utils.crypto import keccak

    def words() -> Iterator[tuple[str, int]]:
        for wallet, amount in units.items():
            yield keccak(bytes.fromhex(wallet[2:].rjust(64, "0") + f"{BALANCES:064x}")).hex(), amount
        yield f"{SUPPLY:064x}", sum(units.values())

    rows = [("anvil_setStorageAt", [token, "0x" + key, f"0x{amount:064x}"]) for key, amount in words()]
    for start in range(0, len(rows), SEEDED_AT_ONCE):
        chain.rpc_batch(rows[start : start + SEEDED_AT_ONCE])
