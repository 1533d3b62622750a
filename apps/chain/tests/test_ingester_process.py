"""Real ingester processes, two on one stream, killed while the chain moves and reorganises under them."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import pytest

from apps.chain.models import RawLog, StreamCursor
from apps.chain.selectors import blocks
from apps.chain.testing.local_chain import LocalChain, hx
from apps.chain.tests.stage import canonical_chain_is_whole, head_fold, node_logs, stored_logs, watch
from apps.chain.types import EffectKind
from apps.core.devstack.anvil import private_node
from apps.core.devstack.layout import CHECKOUT
from apps.core.models import EngineState
from apps.core.testing import databases
from apps.core.testing.waiting import until

PATIENCE_SECONDS = 90
WALLETS = [hx(0xC0FFEE + number) for number in range(5)]


@dataclass
class Ingesters:
    """Processes of `run_engines ingester` on the books of this test."""

    environment: dict[str, str]
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        argv = [sys.executable, str(CHECKOUT / "manage.py"), "run_engines", "ingester"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.running.append(subprocess.Popen(argv, env=self.environment, **quiet))

    def kill_leader(self) -> int:
        """End the leading process as a power loss would; its epoch."""
        state = EngineState.objects.get(name="ingester")
        leader = next(each for each in self.running if each.pid == state.pid)
        os.kill(leader.pid, signal.SIGKILL)
        leader.wait()
        self.running.remove(leader)
        return state.epoch

    def stop(self) -> None:
        for each in self.running:
            each.terminate()
        for each in self.running:
            each.wait(PATIENCE_SECONDS)


@pytest.fixture(scope="class")
def chain(books: str) -> Iterator[LocalChain]:
    with private_node() as url:
        found = LocalChain(url)
        yield found
        found.close()


@pytest.fixture(scope="class")
def ingesters(books: str, chain: LocalChain) -> Iterator[Ingesters]:
    found = Ingesters({**os.environ, **databases.urls_of(books), "CHAIN_RPC_URL": chain.url})
    yield found
    found.stop()


def caught_up(chain: LocalChain) -> bool:
    cursor = StreamCursor.objects.filter(name=blocks.STREAM).first()
    return cursor is not None and cursor.number == chain.head() and cursor.hash == chain.hash_at(cursor.number)


def led_since(epoch: int) -> bool:
    return EngineState.objects.filter(name="ingester", epoch__gt=epoch).exists()


def traffic(chain: LocalChain, token: str, rng: random.Random) -> None:
    """Some mints, and now and then a reorg that takes some of them away again."""
    for _ in range(rng.randrange(2, 8)):
        chain.mint(token, rng.choice(WALLETS), rng.randrange(1, 1000))
    if rng.random() < 0.4:
        chain.reorg(rng.randrange(1, 4))
        # Longer than before: an equal height is followed too, a lower one never.
        chain.mint(token, rng.choice(WALLETS), 1)


def run_and_kill(chain: LocalChain, ingesters: Ingesters, kills: int, seed: int, *, more: bool) -> None:
    rng, epoch = random.Random(seed), 0
    token = chain.deploy_token()
    watch(token, chain.head())
    for _ in range(2):
        ingesters.start()
    for _ in range(kills):
        until(partial(led_since, epoch))
        traffic(chain, token, rng)
        time.sleep(rng.random() * 0.3)
        epoch = ingesters.kill_leader()
        if more:
            ingesters.start()
        traffic(chain, token, rng)
    until(lambda: caught_up(chain))
    assert EngineState.objects.get(name="ingester").epoch > epoch
    until(lambda: stored_logs(token) == node_logs(chain, token))
    canonical_chain_is_whole(chain)
    balances = {wallet: units for wallet in WALLETS if (units := chain.balance(token, wallet))}
    assert head_fold(token) == balances
    mints = RawLog.objects.filter(address=token, block__canonical=True, effect=EffectKind.MOVED)
    assert mints.count() == len(node_logs(chain, token)) - 2  # without the deployment's RoleGranted


class TestIngesterProcesses:
    def test_take_over_from_a_killed_leader_and_lose_nothing(self, chain: LocalChain, ingesters: Ingesters) -> None:
        run_and_kill(chain, ingesters, kills=1, seed=11, more=False)

    @pytest.mark.soak
    def test_lose_nothing_over_many_kills(self, chain: LocalChain, ingesters: Ingesters) -> None:
        run_and_kill(chain, ingesters, kills=40, seed=12, more=True)
