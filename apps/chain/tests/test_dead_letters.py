"""Logs that claim a known event in another shape, and tokens found through their factory."""

from collections.abc import Iterator

import pytest
from eth_abi import encode
from eth_utils import keccak

from apps.chain.codec import TRANSFER
from apps.chain.errors import UndecodedLogs
from apps.chain.models import Block, DeadLetter, RawLog, WatchedContract
from apps.chain.selectors import blocks, holdings, logs
from apps.chain.services import dead_letters
from apps.chain.testing.local_chain import LocalChain, hx, speaker
from apps.chain.tests.stage import ALICE, BOB, NOW, catch_up, lead, watch
from apps.chain.types import ContractKind, Transfer, TrexSuiteDeployed
from apps.core.daemon import Leadership
from apps.core.devstack.anvil import private_node

Stage = tuple[LocalChain, Leadership]


@pytest.fixture(scope="class")
def stage(books: str) -> Iterator[Stage]:
    with private_node(slots_in_an_epoch=1) as url:
        found = LocalChain(url)
        yield found, lead()
        found.close()


def words(*values: int | str) -> str:
    return "".join((f"{v:064x}" if isinstance(v, int) else v.removeprefix("0x").rjust(64, "0")) for v in values)


class TestUndecodableLogs:
    def test_are_resolved_by_a_codec_that_reads_them(self, stage: Stage) -> None:
        """A letter as an older release left it: the log raw, no transfer."""
        chain, leadership = stage
        chain.mine(3)
        catch_up(chain.node, leadership)
        block = Block.objects.filter(finality="FINAL").order_by("-number").first()
        token, place = hx(0x70CE), {"block": block, "block_number": block.number, "log_index": 900}
        topics = [TRANSFER, "0x" + words(hx(0)), "0x" + words(BOB)]
        RawLog.objects.create(
            **place, tx_hash=topics[0], tx_index=0, address=token, topics=topics, data="0x" + words(3)
        )
        DeadLetter.objects.create(**place, address=token, reason="unknown", found_at=NOW)
        WatchedContract.objects.create(
            address=token, kind=ContractKind.CASH, from_block=0, covered_to=0, covered=True, created_at=NOW
        )
        with pytest.raises(UndecodedLogs):
            holdings.fold(token, block.number)
        assert dead_letters.decode_again(leadership=leadership, now=NOW) == 1
        assert dict(holdings.fold(token, block.number).by_wallet) == {BOB: 3}
        assert dead_letters.decode_again(leadership=leadership, now=NOW) == 0

    def test_with_amounts_of_a_whole_word_are_not_among_them(self, stage: Stage) -> None:
        chain, leadership = stage
        token = chain.deploy_code(speaker(3))
        watch(token, chain.head())
        chain.send(token, "0x" + words(TRANSFER, hx(0), ALICE, 2**256 - 1))
        chain.mine(3)
        catch_up(chain.node, leadership)
        assert dict(holdings.fold(token, blocks.final_head().number).by_wallet) == {ALICE: 2**256 - 1}


class TestDiscovery:
    def test_watches_a_token_from_the_block_its_factory_deployed_it_in(self, stage: Stage) -> None:
        chain, leadership = stage
        factory = chain.deploy_code(speaker(3))
        watch(factory, chain.head(), ContractKind.FACTORY)
        catch_up(chain.node, leadership)
        token, registry = chain.deploy_token(), hx(0x1DE)
        data = encode(["address"] * 5, [registry, hx(2), hx(3), hx(4), hx(5)]).hex()
        signature = "TREXSuiteDeployed(address,address,address,address,address,address,string)"
        chain.send(factory, "0x" + words("0x" + keccak(text=signature).hex(), token, keccak(text="salt").hex()) + data)
        deployed = chain.head()
        chain.mint(token, ALICE, 9)
        chain.mine(3)
        catch_up(chain.node, leadership)
        found = WatchedContract.objects.get(address=token)
        assert (found.kind, found.covered, found.from_block) == (ContractKind.SECURITY, True, deployed)
        assert WatchedContract.objects.get(address=registry).kind == ContractKind.REGISTRY
        events = [
            log.event for _, found in logs.final_blocks_after(deployed - 1, 50, [factory, token]) for log in found
        ]
        assert [type(event) for event in events] == [TrexSuiteDeployed, Transfer]
        watch(token, deployed, ContractKind.SECURITY)
        assert logs.is_covered(token)

    def test_trusts_no_such_log_of_another_contract(self, stage: Stage) -> None:
        chain, leadership = stage
        stranger = chain.deploy_code(speaker(3))
        watch(stranger, chain.head(), ContractKind.DVP)
        data = encode(["address"] * 5, [hx(n) for n in range(81, 86)]).hex()
        signature = "TREXSuiteDeployed(address,address,address,address,address,address,string)"
        chain.send(stranger, "0x" + words("0x" + keccak(text=signature).hex(), hx(80), hx(1)) + data)
        catch_up(chain.node, leadership)
        assert RawLog.objects.filter(address=stranger).count() == 1
        assert not WatchedContract.objects.filter(address__in=[hx(80), hx(81)]).exists()
