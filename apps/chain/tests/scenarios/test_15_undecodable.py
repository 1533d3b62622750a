"""Scenario 15: a log that cannot be decoded is kept raw, and cut-offs at or past its block wait."""

from collections.abc import Iterator

import pytest

from apps.chain.codec import TRANSFER
from apps.chain.errors import UndecodedLogs
from apps.chain.models import DeadLetter, RawLog
from apps.chain.selectors import blocks, holdings, logs
from apps.chain.testing.forks import reorg
from apps.chain.testing.local_chain import hx, speaker
from apps.chain.tests.scenarios.world import FINALITY, HOLDERS, World, world_of
from apps.chain.tests.stage import NOW, node_logs, stored_logs

ALICE, BOB = HOLDERS[:2]


@pytest.fixture(scope="class")
def world(books: str, template: str) -> Iterator[World]:
    with world_of(template) as found:
        yield found


def words(*values: int | str) -> str:
    """ABI words, one after the other."""
    return "".join((f"{v:064x}" if isinstance(v, int) else v.removeprefix("0x").rjust(64, "0")) for v in values)


# By what is wrong with it: topics of a log that claims to be a Transfer, and what is sent to the contract that says so.
A_TRANSFER = words(TRANSFER, hx(0), BOB)
WRONG = {
    "one byte of data": (3, A_TRANSFER + "05"),
    "no data": (3, A_TRANSFER),
    "two words of data": (3, A_TRANSFER + words(1, 2)),
    "a token id as fourth topic": (4, words(TRANSFER, hx(0), BOB, 7)),
    "no topics but its own": (1, words(TRANSFER) + words(hx(0), BOB, 7)),
    "a sender that is no address": (3, words(TRANSFER, "ff" * 32, BOB, 7)),
}


class TestUndecodableLogs:
    def test_15_block_cut_offs_from_their_block_on_and_no_other_contract(self, world: World) -> None:
        chain = world.chain
        good = chain.deploy_code(speaker(3))
        world.watch(good, chain.head())
        found: dict[str, tuple[str, int]] = {}
        for topics, said in WRONG.values():
            token = chain.deploy_code(speaker(topics))
            world.watch(token, chain.head())
            found[token] = chain.send(token, "0x" + said), chain.head()
        chain.send(good, "0x" + words(TRANSFER, hx(0), ALICE, 10))
        chain.mine(FINALITY)
        world.is_as_if_nobody_had_lied()
        final = blocks.final_head().number
        assert dict(holdings.fold(good, final).by_wallet) == {ALICE: 10}
        for (token, (sent, bad)), (topics, _) in zip(found.items(), WRONG.values(), strict=True):
            assert stored_logs(token) == node_logs(chain, token)
            assert DeadLetter.objects.get(address=token).block_number == bad
            (view,) = logs.logs_of_tx(sent)
            assert (view.undecodable, view.event, len(view.topics)) == (True, None, topics)
            assert holdings.fold(token, bad - 1).supply == 0
            for number in (bad, final):
                with pytest.raises(UndecodedLogs):
                    holdings.fold(token, number)

    def test_15_block_nothing_once_they_are_resolved(self, world: World) -> None:
        token = DeadLetter.objects.order_by("pk").first().address
        DeadLetter.objects.filter(address=token).update(resolved_at=NOW, end="DECODED")
        assert holdings.fold(token, blocks.final_head().number).supply == 0
        DeadLetter.objects.filter(address=token).update(resolved_at=None, end="")

    def test_15_block_nothing_once_their_block_is_orphaned(self, world: World) -> None:
        chain = world.chain
        token = chain.deploy_code(speaker(3))
        world.watch(token, chain.head())
        chain.send(token, "0x" + words(TRANSFER, hx(0), ALICE))
        world.feed()
        assert DeadLetter.objects.filter(address=token).count() == 1
        reorg(chain, 1)
        chain.mine(FINALITY)
        world.is_as_if_nobody_had_lied()
        assert holdings.fold(token, blocks.final_head().number).supply == 0
        assert RawLog.objects.get(address=token).block.canonical is False
