"""Storage reads pinned to a block, and reads that fail."""

from collections.abc import Iterator

import pytest

from apps.chain.selectors import storage as reads
from apps.chain.testing.local_chain import LocalChain, hx
from apps.core.devstack.anvil import private_node

ALICE, BOB, NOBODY = hx(0xA11CE), hx(0xB0B), hx(0xDEAD)


@pytest.fixture(scope="class")
def chain() -> Iterator[LocalChain]:
    with private_node() as url:
        found = LocalChain(url)
        yield found
        found.close()


class TestReads:
    def test_read_balances_and_supply_as_of_one_block(self, chain: LocalChain) -> None:
        token = chain.deploy_token()
        chain.mint(token, ALICE, 10**30)
        then = chain.hash_at(chain.head())
        chain.mint(token, ALICE, 1)
        chain.mint(token, BOB, 5)
        now = chain.hash_at(chain.head())
        read = {"node": chain.node, "token": token}
        wallets = [ALICE, BOB, NOBODY, ALICE]
        assert reads.balances_at(**read, wallets=wallets, block_hash=then) == {ALICE: 10**30, BOB: 0, NOBODY: 0}
        assert reads.balances_at(**read, wallets=wallets, block_hash=now) == {ALICE: 10**30 + 1, BOB: 5, NOBODY: 0}
        assert reads.total_supply_at(**read, block_hash=then) == 10**30
        assert reads.total_supply_at(**read, block_hash=now) == 10**30 + 6

    def test_are_unknown_where_there_is_no_contract(self, chain: LocalChain) -> None:
        block_hash = chain.hash_at(chain.head())
        read = {"node": chain.node, "block_hash": block_hash}
        assert reads.balances_at(**read, token=hx(1234), wallets=[ALICE]) == {ALICE: None}
        assert reads.total_supply_at(**read, token=hx(1234)) is None
        assert reads.paused_at(**read, token=hx(1234)) is None
        assert reads.is_verified_at(**read, identity_registry=hx(1234), wallets=[BOB]) == {BOB: None}

    def test_are_unknown_where_the_call_reverts(self, chain: LocalChain) -> None:
        token = chain.deploy_token()  # has no paused() and no isVerified()
        read = {"node": chain.node, "block_hash": chain.hash_at(chain.head())}
        assert reads.paused_at(**read, token=token) is None
        assert reads.is_verified_at(**read, identity_registry=token, wallets=[ALICE]) == {ALICE: None}

    def test_are_unknown_at_a_block_the_node_does_not_know(self, chain: LocalChain) -> None:
        token = chain.deploy_token()
        read = {"node": chain.node, "token": token, "block_hash": "0x" + "11" * 32}
        assert reads.balances_at(**read, wallets=[ALICE]) == {ALICE: None}
        assert reads.total_supply_at(**read) is None

    def test_are_unknown_where_a_bool_is_neither(self, chain: LocalChain) -> None:
        answers_two = chain.deploy_code("600260005260206000f3")
        answers_one = chain.deploy_code("600160005260206000f3")
        read = {"node": chain.node, "block_hash": chain.hash_at(chain.head())}
        assert reads.paused_at(**read, token=answers_two) is None
        assert reads.paused_at(**read, token=answers_one) is True
        assert reads.is_verified_at(**read, identity_registry=answers_one, wallets=[BOB]) == {BOB: True}

    def test_read_nothing_for_no_wallets(self, chain: LocalChain) -> None:
        read = {"node": chain.node, "token": hx(1), "block_hash": "0x" + "11" * 32}
        assert reads.balances_at(**read, wallets=[]) == {}
