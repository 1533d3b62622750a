"""A node with the platform on it, its books, and hands to move both."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from typing import Any, Self
from uuid import UUID

from django.db import connections
from django.test.utils import override_settings
from eth_abi.abi import decode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from apps.chain.errors import RpcError
from apps.chain.gateway import Node
from apps.chain.models import TxIntent
from apps.chain.signers.development import development_key
from apps.chain.testing.boundaries import Boundary, Run, run
from apps.chain.testing.client import ChainClient
from apps.chain.types import ENDED
from apps.core import clock
from apps.core.daemon import Engine, Leadership, elect
from apps.core.models import OutboxPending
from apps.core.registry import registry
from apps.core.testing import databases

FINALITY_BLOCKS = 3  # with one slot an epoch, a block is finalized two blocks later
GAS_OF_A_CALL, GAS_OF_A_CREATION = 3_000_000, 5_000_000


@dataclass
class ChainPlatform(ChainClient):
    """A node of the test's own with the platform on it. `contracts` are addresses by name (`dvp`, `payment_token`).

    `template` is the database its books were cloned from: what a twin begins with.
    """

    url: str
    database: str
    node: Node
    contracts: dict[str, str] = field(default_factory=dict)
    engines: dict[str, tuple[Engine, Leadership]] = field(default_factory=dict)
    template: str = ""

    def finalize(self) -> None:
        """Mine until what is in a block now is finalized."""
        self.mine(FINALITY_BLOCKS)

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

    def catch_up(self, *names: str) -> None:
        """Let the engines named, or the ingester, come to the end of what is there.

        Nothing is mined: whoever comes later, a twin perhaps, finds the same chain.
        """
        quiet = 0
        while quiet < 2:
            moved = [self.step(name) for name in names or ("ingester",)]
            quiet = 0 if any(moved) else quiet + 1

    def run_sender_until_final(self, rounds: int = 50) -> None:
        """Send, mine, ingest and finalize until every intent has ended."""
        for number in range(rounds):
            # What the node dropped is sent again after a while: patience here is the clock's.
            self.step("sender", later=timedelta(seconds=max(0, number - 10)))
            if not TxIntent.objects.exclude(state__in=ENDED).exists():
                return
            self.finalize()
            self.catch_up()
        raise AssertionError(f"still open: {self.open_intents()}")

    def run_sender_until_final_of(self, intent_id: UUID, rounds: int = 50) -> None:
        """Send, mine, ingest and finalize until this intent has ended, whatever waits besides."""
        for _ in range(rounds):
            self.step("sender")
            if TxIntent.objects.filter(pk=intent_id, state__in=ENDED).exists():
                return
            self.finalize()
            self.catch_up()
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
        return _account(index)

    def send(self, account: LocalAccount, to: str, data: bytes = b"", value: int = 0) -> dict[str, Any]:
        """Send as an outside party would, mined at once; the receipt. Raises RpcError with the refusal."""
        sender = account.address.lower()
        call = {"from": sender, "to": to, "data": "0x" + data.hex(), "value": hex(value)}
        self.node.call("eth_estimateGas", call)
        return self.mined(self._submitted(account, to=to_checksum_address(to), data=data, value=value))

    def deploy(self, account: LocalAccount, code: bytes) -> str:
        """Create a contract as an outside party would; its address."""
        sent = self._submitted(account, data=code, gas=GAS_OF_A_CREATION)
        return str(self.mined(sent)["contractAddress"]).lower()

    def reverted(self, account: LocalAccount, to: str, data: bytes) -> bytes:
        """What a call not simulated before reverts with, in a block. Raises AssertionError if it went through."""
        tx_hash = self.wait_for(self._submitted(account, to=to_checksum_address(to), data=data))
        traced = self.node.call("debug_traceTransaction", tx_hash, {"tracer": "callTracer"})
        if int((self.receipt(tx_hash) or {})["status"], 16) != 0:
            raise AssertionError(f"went through: {tx_hash}")
        return bytes.fromhex(traced["output"][2:])

    def _submitted(self, account: LocalAccount, **call: Any) -> str:
        """Sign a call, or a creation, and hand it to the node; the chain transaction."""
        fields: dict[str, Any] = {
            "type": 2,
            "chainId": self.node.chain_id,
            "nonce": int(self.node.call("eth_getTransactionCount", account.address.lower(), "pending"), 16),
            "gas": GAS_OF_A_CALL,
            "maxFeePerGas": 20 * 10**9,
            "maxPriorityFeePerGas": 10**9,
        }
        signed = account.sign_transaction(fields | call)
        return str(self.node.call("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex()))

    def mined(self, tx_hash: str) -> dict[str, Any]:
        """The receipt of a transaction that succeeded, after mining it. Raises RpcError where it was reverted."""
        for _ in range(50):
            found = self.receipt(tx_hash)
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

    @contextmanager
    def reborn(self, url: str = "") -> Iterator[Self]:
        """The same platform with a session and engines of its own: for a forked process, or a twin of the books.

        Its engines ask the node at `url`, a lying one perhaps; mining and looking stay with the true one.
        """
        with override_settings(CHAIN_RPC_URL=url or self.url), Node(self.url, chain_id=self.node.chain_id) as node:
            yield replace(self, node=node, engines={}, database=connections.settings["default"]["NAME"])

    def doomed(self, work: Callable[[Self], object], *, at: Boundary | None = None, seconds: float = 60) -> Run:
        """Run `work(this platform)` in a forked process, killed at a boundary: see `boundaries.run`.

        Whoever led an engine here leads it no more.
        """
        self.engines.clear()

        def child(url: str) -> None:
            with self.reborn(url) as platform:
                work(platform)

        return run(child, url=self.url, at=at, seconds=seconds)

    def environment(self) -> dict[str, str]:
        """The environment in which a subprocess works on these books and this chain."""
        return {**os.environ, **databases.urls_of(self.database), "CHAIN_RPC_URL": self.url}


@cache
def _account(index: int) -> LocalAccount:
    return Account.from_key(development_key(index))
