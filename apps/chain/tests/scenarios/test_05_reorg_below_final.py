"""Scenario 5: a reorganisation below a final block. The stream halts, an alarm is raised, and nothing is changed."""

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from apps.chain.selectors import blocks, holdings
from apps.chain.selectors.holders import held_at_head
from apps.chain.testing.local_chain import LocalChain
from apps.chain.tests.following import Desk, desk_of
from apps.chain.tests.stage import ALICE, BOB, NOW, everything, stored_logs, watch
from apps.core.devstack.anvil import private_node
from apps.core.models import Alert

KEY = "chain.stream:halted"


@pytest.fixture(scope="class")
def chain() -> Iterator[LocalChain]:
    with private_node() as url:
        found = LocalChain(url)
        yield found
        found.close()


@pytest.fixture(scope="class")
def desk(books: str, chain: LocalChain) -> Iterator[Desk]:
    with desk_of(chain, NOW) as found:
        yield found


class TestAReorganisationBelowAFinalBlock:
    def test_halts_with_a_critical_alert_until_a_person_decides(self, chain: LocalChain, desk: Desk) -> None:
        token = chain.deploy_token()
        watch(token, 1)
        chain.mint(token, ALICE, 5)
        chain.mine(100)
        signed = chain.raw(chain.mint(token, BOB, 1))
        desk.catch_up()
        final = blocks.final_head()
        assert final is not None
        before = (everything(), holdings.fold(token, final.number), held_at_head(token), stored_logs(token))
        head = chain.head()
        snapshot_of_ours = chain.hash_at(head)

        chain.reorg(head - final.number + 3, [(signed, 0)])
        chain.mine(2)
        desk.step(3)
        desk.step(3)
        assert blocks.stream().halted == "REORG_BELOW_FINAL"
        alert = Alert.objects.get(dedup_key=KEY)
        assert (alert.severity, alert.source, alert.resolved_at) == ("CRITICAL", "chain.stream", None)
        for _ in range(3):
            assert desk.step(3) is False
        assert (everything(), holdings.fold(token, final.number), held_at_head(token), stored_logs(token)) == before
        assert blocks.stream().hash == snapshot_of_ours
        assert Alert.objects.filter(dedup_key=KEY).count() == 1

    def test_ends_its_alert_when_it_is_resumed_and_halts_again_on_the_same_chain(self, desk: Desk) -> None:
        call_command("chain_resume", reason="tried once more", stdout=StringIO())
        desk.now += timedelta(seconds=2)
        desk.engine._watch.look(desk.now)
        assert Alert.objects.get(dedup_key=KEY).resolved_at is not None
        before = everything()
        desk.step(3)
        desk.step(3)
        assert blocks.stream().halted == "REORG_BELOW_FINAL"
        assert Alert.objects.filter(dedup_key=KEY, resolved_at=None).count() == 1
        assert everything() == before
