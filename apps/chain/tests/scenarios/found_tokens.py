"""Tokens that somebody else deployed on the platform's chain, and hands to register them."""

from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from apps.chain import calls
from apps.chain.selectors import tokens as read
from apps.chain.services.tokens import register_token
from apps.chain.testing import ChainPlatform
from apps.chain.testing.local_chain import hx
from apps.chain.types import BindingState, BindingView
from apps.core import clock
from apps.core.actor import system_actor
from apps.securities.tests.factories import make_security

STRANGER = 5  # none of the platform's signers
ALICE, BOB, CAROL = hx(0xA11CE), hx(0xB0B), hx(0xCA401)
ONE, OTHER = b"1" * 32, b"2" * 32  # partitions


@dataclass(frozen=True)
class Found:
    """A contract of a stranger's, and the block that made it."""

    platform: ChainPlatform
    address: str
    block: int

    def do(self, signature: str, *values: Any) -> dict[str, Any]:
        """Call a function of it; the receipt."""
        types = signature[signature.index("(") + 1 : -1].split(",")
        data = keccak(text=signature)[:4] + encode(types, values)
        return self.platform.send(self.platform.account(STRANGER), self.address, data)

    def issue(self, wallet: str, amount: int) -> None:
        """Make units of an ERC-1400 token."""
        self.do("issueByPartition(bytes32,address,uint256)", ONE, wallet, amount)

    def mint(self, wallet: str, amount: int) -> None:
        """Make units of an ERC-20 token."""
        self.do("mint(address,uint256)", wallet, amount)


def deployed(platform: ChainPlatform, name: str, *values: Any) -> Found:
    """A compiled contract, deployed by a stranger."""
    request = {
        "from": platform.account(STRANGER).address.lower(),
        "data": "0x" + calls.creation(f"test/{name}", *values).hex(),
        "gas": hex(5_000_000),
    }
    receipt = platform.mined(platform.node.call("eth_sendTransaction", request))
    return Found(platform, str(receipt["contractAddress"]).lower(), int(receipt["blockNumber"], 16))


def settle_down(platform: ChainPlatform) -> None:
    """Everything mined is final and stored."""
    platform.finalize()
    platform.catch_up()


def register(found: Found, security: str, **said: Any) -> BindingView:
    """Bind it to a security of this name, or to the ISIN that is said."""
    asked = {"isin": said.pop("isin", "") or make_security(name=security).isin, "address": found.address} | said
    return register_token(actor=system_actor(), node=found.platform.node, now=clock.now(), **asked)


def states_until_quiet(platform: ChainPlatform, isin: str) -> list[BindingState]:
    """Run everything to the end; the states the token was seen in on its way."""
    seen = [read.binding(isin).state]
    for _ in range(60):
        for name in ("ingester", "sender", "relay"):
            platform.step(name)
            if (state := read.binding(isin).state) != seen[-1]:
                seen.append(state)
        if seen[-1] == BindingState.LIVE:
            break
        platform.mine()
    return seen
