"""Forks are real: every block of a branch differs, and what was mined on one is not on the other."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from apps.chain.errors import RpcError
from apps.chain.testing.forks import NO_MINER, forking, reorg, second_branch
from apps.chain.testing.local_chain import LocalChain, hx
from apps.core.devstack.anvil import private_node

ALICE, BOB = hx(0xA11CE), hx(0xB0B)


@pytest.fixture(scope="module")
def chain() -> Iterator[LocalChain]:
    with private_node() as url:
        found = LocalChain(url)
        yield found
        found.close()


@pytest.fixture(scope="module")
def token(chain: LocalChain) -> str:
    return chain.deploy_token()


def linked(chain: LocalChain) -> bool:
    headers = [chain.header(number) for number in range(chain.head() + 1)]
    return all(child["parentHash"] == parent["hash"] for parent, child in pairwise(headers))


class TestForking:
    def test_makes_every_block_differ_even_empty_ones(self, chain: LocalChain, token: str) -> None:
        with forking(chain) as fork:
            branches = []
            for _ in range(3):
                chain.mine(40)
                branches.append(chain.hashes(fork.number))
                old = fork.switch()
                assert [old.headers[number]["hash"] for number in sorted(old.headers)] == branches[-1][1:]
                assert (chain.head(), chain.hash_at(fork.number)) == (fork.number, fork.hash)
            chain.mine(40)
            branches.append(chain.hashes(fork.number))
        assert {hashes[0] for hashes in branches} == {fork.hash}
        assert len({hash_ for hashes in branches for hash_ in hashes[1:]}) == 4 * 40
        assert linked(chain)
        assert chain.header("latest")["miner"] != NO_MINER
        chain.mine()
        assert chain.header("latest")["miner"] == NO_MINER

    def test_forgets_a_branchs_transactions_which_may_be_mined_again(self, chain: LocalChain, token: str) -> None:
        with forking(chain) as fork:
            sent = chain.mint(token, ALICE, 7)
            signed, before = chain.raw(sent), chain.receipt(sent)
            old = fork.switch()
            assert (chain.receipt(sent), chain.balance(token, ALICE)) == (None, 0)
            chain.mine(3)
            assert chain.receipt(sent) is None
            chain.send_raw(signed)
        after = chain.receipt(sent)
        assert before is not None
        assert after is not None
        assert int(after["blockNumber"], 16) == int(before["blockNumber"], 16) + 3
        assert old.receipts[fork.number + 1] == [before]
        assert chain.balance(token, ALICE) == 7

    def test_keeps_what_waits_in_the_pool(self, chain: LocalChain, token: str) -> None:
        with forking(chain) as fork:
            chain.node.call("evm_setAutomine", False)
            request = {"from": chain.accounts[5], "to": BOB, "value": "0x1"}
            waiting = chain.node.call("eth_sendTransaction", request)
            fork.switch()
            chain.mine(2)
            chain.node.call("evm_setAutomine", True)
        found = chain.receipt(waiting)
        assert found is not None
        assert int(found["blockNumber"], 16) == fork.number + 1

    def test_takes_back_what_a_block_was_going_to_cost(self, chain: LocalChain) -> None:
        with forking(chain) as fork:
            chain.mine()
            due = chain.header("latest")["baseFeePerGas"]
            fork.switch()
            chain.node.call("anvil_setNextBlockBaseFeePerGas", hex(10**11))
            chain.mine(2)
            fork.switch()
            chain.mine()
        assert chain.header("latest")["baseFeePerGas"] == due

    def test_notices_a_snapshot_that_is_gone(self, chain: LocalChain) -> None:
        with forking(chain) as below, forking(chain) as above:
            below.switch()
            with pytest.raises(AssertionError, match="the snapshot is gone"):
                above.switch()


class TestReorg:
    def test_replaces_every_block_and_keeps_the_height(self, chain: LocalChain, token: str) -> None:
        chain.mine(5)
        kept = chain.mint(token, BOB, 3)
        dropped = chain.mint(token, BOB, 4)
        chain.mine(3)
        signed, before, head = chain.raw(kept), chain.hashes(1), chain.head()
        old = reorg(chain, 5, [(signed, 2)])
        after = chain.hashes(1)
        assert (chain.head(), linked(chain)) == (head, True)
        assert after[:-5] == before[:-5]
        assert not set(after[-5:]) & set(before[-5:])
        assert sorted(old.headers) == list(range(head - 4, head + 1))
        moved = chain.receipt(kept)
        assert moved is not None
        assert (int(moved["blockNumber"], 16), chain.receipt(dropped)) == (head - 2, None)
        assert chain.balance(token, BOB) == 3


class TestSecondBranch:
    def test_shares_the_past_and_lives_on_its_own(self, chain: LocalChain, token: str) -> None:
        parted = chain.head()
        everything = {"fromBlock": "0x0", "toBlock": "latest"}
        with second_branch(chain) as other:
            assert other.hashes(0) == chain.hashes(0)
            assert other.node.call("eth_getLogs", everything) == chain.node.call("eth_getLogs", everything)
            for number in range(1, parted + 1):
                assert other.node.call("eth_getBlockReceipts", hex(number)) == chain.node.call(
                    "eth_getBlockReceipts", hex(number)
                )
            ours, theirs = chain.mint(token, ALICE, 100), other.mint(token, ALICE, 1_000)
            chain.mine(10)
            other.mine(10)
            assert chain.balance(token, ALICE) != other.balance(token, ALICE)
            assert not set(chain.hashes(parted + 1)) & set(other.hashes(parted + 1))
            assert (chain.receipt(theirs), other.receipt(ours)) == (None, None)
            assert other.header(parted + 1)["parentHash"] == chain.hash_at(parted)
        assert chain.balance(token, ALICE) > 0  # lives on

    def test_may_know_the_states_of_the_past(self, chain: LocalChain, token: str) -> None:
        parted, before = chain.head(), chain.balance(token, BOB)
        chain.mint(token, BOB, 50)
        for past_states in (False, True):
            with second_branch(chain, past_states=past_states) as other:
                assert other.balance(token, BOB) == before + 50
                data = "0x70a08231" + BOB[2:].rjust(64, "0")
                asked = ("eth_call", {"to": token, "data": data}, hex(parted))
                if past_states:
                    assert int(other.node.call(*asked), 16) == before
                else:
                    with pytest.raises(RpcError):
                        other.node.call(*asked)

    def test_may_fork_again_above_where_they_parted(self, chain: LocalChain, token: str) -> None:
        with second_branch(chain) as other:
            parted, before = other.head(), other.balance(token, BOB)
            other.mine(2)
            with forking(other) as fork:
                other.mint(token, BOB, 9)
                fork.switch()
                other.mint(token, BOB, 4)
            reorg(other, 2)
            assert (other.head(), other.balance(token, BOB)) == (parted + 3, before)
            assert linked(other)
