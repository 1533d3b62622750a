"""deploy_contracts: killed anywhere it goes on, run again it changes nothing, on another chain it refuses."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test.utils import override_settings

from apps.chain import calls
from apps.chain.gateway import Node
from apps.chain.models import ContractAddress, SignerNonce, TxAttempt, TxIntent, WatchedContract
from apps.chain.selectors.contracts import addresses
from apps.chain.signers.development import ADDRESSES
from apps.chain.testing import ChainPlatform
from apps.chain.types import SignerRole
from apps.core.devstack.anvil import private_node
from apps.core.testing import databases


@pytest.fixture(scope="class")
def empty_chain(books: str) -> Iterator[ChainPlatform]:
    """A chain that mines a block a second, with nothing on it, and books that know nothing of it."""
    with (
        private_node(block_time=1, slots_in_an_epoch=1) as url,
        Node(url, chain_id=31337) as node,
        override_settings(CHAIN_RPC_URL=url),
    ):
        yield ChainPlatform(url, books, node)


def deploy() -> str:
    said = StringIO()
    call_command("deploy_contracts", stdout=said)
    return said.getvalue()


def code_at(platform: ChainPlatform, address: str) -> int:
    return len(platform.node.call("eth_getCode", address, "latest")) // 2 - 1


class TestKilledDeployment:
    def test_goes_on_where_it_stopped(self, empty_chain: ChainPlatform) -> None:
        began = time.monotonic()
        self.killed_after(empty_chain, "transactions written")
        written = list(TxIntent.objects.order_by("nonce").values_list("id", "nonce"))
        assert len(written) == 28
        assert ContractAddress.objects.count() == 0
        self.killed_after(empty_chain, "28 transactions resumed", acts="of 28 mined")
        assert "ready in" in deploy()
        assert list(TxIntent.objects.order_by("nonce").values_list("id", "nonce")) == written
        assert TxAttempt.objects.count() == 28
        assert int(empty_chain.node.call("eth_getTransactionCount", self.deployer(), "latest"), 16) == 28
        assert all(code_at(empty_chain, address) > 0 for address in addresses().values())
        assert time.monotonic() - began < 60

    def test_run_again_changes_nothing(self, empty_chain: ChainPlatform) -> None:
        before = (addresses(), TxIntent.objects.count())
        assert "17 deployed already" in deploy()
        assert (addresses(), TxIntent.objects.count()) == before

    def test_leaves_the_next_nonce_where_the_chain_has_it(self, empty_chain: ChainPlatform) -> None:
        count = empty_chain.node.call("eth_getTransactionCount", self.deployer(), "latest")
        assert SignerNonce.objects.get(pk=SignerRole.DEPLOYER).next == int(count, 16)

    def test_on_another_chain_says_that_the_books_do_not_fit(self, empty_chain: ChainPlatform) -> None:
        with (
            private_node() as url,
            override_settings(CHAIN_RPC_URL=url),
            pytest.raises(CommandError, match="kept against another chain"),
        ):
            deploy()

    def deployer(self) -> str:
        return ADDRESSES[0]

    def killed_after(self, platform: ChainPlatform, line: str, acts: str = "") -> None:
        """Run the command in a process of its own and kill it -9 as soon as it has said `line` (and `acts`)."""
        process = subprocess.Popen(
            [sys.executable, "-u", "manage.py", "deploy_contracts"],
            cwd=databases.ROOT,
            env=platform.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout is not None
        said = ""
        while line not in said or acts not in said:
            heard = process.stdout.readline()
            assert heard, f"it ended after saying: {said}"
            said += heard
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


class TestDeployedPlatform:
    def test_watches_what_projections_read(self, chain_platform: ChainPlatform) -> None:
        kinds = {kind: address for address, kind in WatchedContract.objects.values_list("address", "kind")}
        contracts = chain_platform.contracts
        assert kinds == {
            "AUTHORITY": contracts["trex_authority"],
            "FACTORY": contracts["trex_factory"],
            "CASH": contracts["payment_token"],
            "DVP": contracts["dvp"],
        }

    def test_gives_each_role_its_power_and_no_other(self, chain_platform: ChainPlatform) -> None:
        contracts, read = chain_platform.contracts, chain_platform.read
        deployer, _, operator, manager, minter = (chain_platform.account(n).address for n in (0, 1, 2, 3, 8))
        has_role = calls._call("hasRole(bytes32,address)")
        holds = {
            (name, role, who): read(contracts[name], has_role(_role(role), address), "bool")
            for name, role in (("dvp", "OPERATOR_ROLE"), ("payment_token", "MINTER_ROLE"))
            for who, address in (("deployer", deployer), ("operator", operator), ("minter", minter))
        }
        assert [key for key, held in holds.items() if held] == [
            ("dvp", "OPERATOR_ROLE", "operator"),
            ("payment_token", "MINTER_ROLE", "minter"),
        ]
        owner = calls._call("owner()")
        assert read(contracts["id_factory"], owner(), "address") == manager.lower()
        assert read(contracts["identity_registry_storage"], owner(), "address") == contracts["trex_factory"]

    def test_leaves_claims_to_the_management_key(self, chain_platform: ChainPlatform) -> None:
        has_purpose = calls._call("keyHasPurpose(bytes32,uint256)")
        issuer = chain_platform.contracts["claim_issuer"]
        found = [
            chain_platform.read(issuer, has_purpose(calls.key_of(chain_platform.account(n).address), purpose), "bool")
            for n in (3, 0)
            for purpose in (calls.MANAGEMENT_PURPOSE, calls.CLAIM_PURPOSE)
        ]
        assert found == [True, True, False, False]


def _role(name: str) -> bytes:
    return bytes.fromhex(calls.topic_of(name)[2:])
