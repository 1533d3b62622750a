"""Tests on a chain: the fixture `chain_platform` is a node with the platform deployed, and the books that go with it.

The platform is deployed once a session, into a database that every class's database is then cloned from; the chain is
put back by a snapshot after each class. A class that asks for `chain_platform` does not ask for `books`.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test.utils import override_settings
from eth_abi.abi import decode
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from pytest_django.plugin import DjangoDbBlocker

from apps.chain.errors import RpcError
from apps.chain.gateway import Node
from apps.chain.models import TxIntent
from apps.chain.selectors.contracts import addresses
from apps.chain.services.nodes import default_node
from apps.chain.signers import development_account
from apps.chain.types import ENDED, GAS_CAP
from apps.core import clock
from apps.core.daemon import Engine, Leadership, elect
from apps.core.devstack.anvil import private_node
from apps.core.models import OutboxPending
from apps.core.registry import registry
from apps.core.testing import databases

FINALITY_BLOCKS = 3  # with one slot an epoch, a block is finalized two blocks later


@dataclass
class ChainPlatform:
    """A node of the test's own with the platform on it. `contracts` are addresses by name (`dvp`, `payment_token`)."""

    url: str
    database: str
    node: Node
    contracts: dict[str, str] = field(default_factory=dict)
    engines: dict[str, tuple[Engine, Leadership]] = field(default_factory=dict)

    def mine(self, blocks: int = 1) -> None:
        """Mine empty blocks."""
        self.node.call("anvil_mine", hex(blocks))

    def finalize(self) -> None:
        """Mine until what is in a block now is finalized."""
        self.mine(FINALITY_BLOCKS)

    def head(self) -> int:
        """The newest block's number."""
        return int(self.node.call("eth_blockNumber"), 16)

    def engine(self, name: str) -> tuple[Engine, Leadership]:
        """The engine of this name, leading."""
        if name not in self.engines:
            leadership = elect(name)
            if leadership is None:
                raise RuntimeError(f"another process leads {name}")
            engine = registry.engines[name]()
            engine.lead(leadership)
            self.engines[name] = (engine, leadership)
        return self.engines[name]

    def step(self, name: str, *, later: timedelta = timedelta()) -> bool:
        """One step of an engine; `later` moves the clock it is given."""
        engine, leadership = self.engine(name)
        return engine.step(leadership, clock.now() + later)

    def run_sender_until_final(self, rounds: int = 50) -> None:
        """Send, mine and finalize until every intent has ended."""
        for number in range(rounds):
            # What the node dropped is sent again after a while: patience here is the clock's.
            self.step("sender", later=timedelta(seconds=max(0, number - 10)))
            if not TxIntent.objects.exclude(state__in=ENDED).exists():
                return
            self.finalize()
        raise AssertionError(f"still open: {self.open_intents()}")

    def run_until_quiet(self, *more: str, rounds: int = 200) -> None:
        """Run sender, ingester, relay and the engines named until there is nothing left to do anywhere."""
        names = [name for name in ("sender", "ingester", "relay", *more) if name in registry.engines]
        quiet = 0
        for _ in range(rounds):
            moved = [self.step(name) for name in names]
            waiting = self.open_intents() or OutboxPending.objects.filter(dead_at=None).exists()
            if self.open_intents():
                self.finalize()
            quiet = 0 if any(moved) or waiting else quiet + 1
            if quiet == 1:
                self.finalize()  # logs of the last transactions become final too
            if quiet > 2:
                return
        raise AssertionError(f"never quiet: {self.open_intents()}")

    def open_intents(self) -> list[tuple[str, str]]:
        """(business key, state) of what has not ended."""
        return list(TxIntent.objects.exclude(state__in=ENDED).values_list("business_key", "state"))

    def account(self, index: int) -> LocalAccount:
        """A funded development account; 0 to 3 are the platform's signers, 8 mints cash."""
        return development_account(index)

    def send(self, account: LocalAccount, to: str, data: bytes = b"", value: int = 0) -> dict[str, Any]:
        """Send as an outside party would, mined at once; the receipt. Raises RpcError with the refusal."""
        sender = account.address.lower()
        call = {"from": sender, "to": to, "data": "0x" + data.hex(), "value": hex(value)}
        self.node.call("eth_estimateGas", call)
        fields: dict[str, Any] = {
            "type": 2,
            "chainId": self.node.chain_id,
            "nonce": int(self.node.call("eth_getTransactionCount", sender, "pending"), 16),
            "to": to_checksum_address(to),
            "data": data,
            "value": value,
            "gas": min(GAS_CAP, 3_000_000),
            "maxFeePerGas": 20 * 10**9,
            "maxPriorityFeePerGas": 10**9,
        }
        raw = "0x" + bytes(account.sign_transaction(fields).raw_transaction).hex()
        return self.receipt(self.node.call("eth_sendRawTransaction", raw))

    def receipt(self, tx_hash: str) -> dict[str, Any]:
        """The receipt of a mined transaction that succeeded."""
        for _ in range(50):
            found: dict[str, Any] | None = self.node.call("eth_getTransactionReceipt", tx_hash)
            if found is not None:
                if int(found["status"], 16) != 1:
                    raise RpcError(3, "execution reverted")
                return found
            self.mine()
        raise AssertionError(f"not mined: {tx_hash}")

    def read(self, to: str, data: bytes, *types: str) -> Any:
        """The answer of a view function: one value, or a tuple of several."""
        answer = self.node.call("eth_call", {"to": to, "data": "0x" + data.hex()}, "latest")
        values = decode(types or ("uint256",), bytes.fromhex(answer[2:]))
        return values[0] if len(values) == 1 else values

    def environment(self) -> dict[str, str]:
        """The environment in which a subprocess works on these books and this chain."""
        return {**os.environ, **databases.urls_of(self.database), "CHAIN_RPC_URL": self.url}


@pytest.fixture(scope="session")
def platform_template(
    template: str,
    django_db_setup: None,  # noqa: ARG001 (set up before)
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[tuple[str, str]]:
    """(node URL, database): the platform deployed and final, as nobody's test has touched it."""
    name = f"platform_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"
    with (
        private_node(slots_in_an_epoch=1) as url,
        django_db_blocker.unblock(),
        override_settings(CHAIN_RPC_URL=url),
        databases.created(template, name),
    ):
        with databases.in_force(name), default_node() as node:
            call_command("deploy_contracts", stdout=StringIO())
            ChainPlatform(url, name, node).run_until_quiet()
        yield url, name


@pytest.fixture(scope="class")
def chain_platform(platform_template: tuple[str, str], django_db_blocker: DjangoDbBlocker) -> Iterator[ChainPlatform]:
    """The platform on a chain and in books that are this class's own."""
    url, template = platform_template
    name = f"books_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"
    with (
        django_db_blocker.unblock(),
        databases.cloned(template, name),
        override_settings(CHAIN_RPC_URL=url),
        default_node() as node,
    ):
        due = node.call("eth_feeHistory", "0x1", "latest", [])["baseFeePerGas"][-1]
        snapshot = node.call("evm_snapshot")
        try:
            yield ChainPlatform(url, name, node, addresses())
        finally:
            # Going back, the node keeps what waits in its pool, and the fee that was due.
            node.call("anvil_dropAllTransactions")
            node.call("evm_revert", snapshot)
            node.call("anvil_setNextBlockBaseFeePerGas", due)
