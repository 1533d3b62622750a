"""Many connections at once, from a barrier: no overdraft, no deadlock, nothing twice."""

import os
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Thread

import pytest
from django.db import DatabaseError, connections

from apps.core.errors import DomainError
from apps.core.testing.databases import urls_of
from apps.ledger.models import LedgerTransfer
from apps.ledger.selectors.fold import fold_check
from apps.ledger.services.holds import apply_holds
from apps.ledger.services.transfers import post_many, transfer_many, void_many
from apps.ledger.tests import factories as make
from apps.ledger.types import Balance

ROOT = Path(__file__).resolve().parents[3]


def race(acts: list[Callable[[], object]]) -> Counter[str]:
    """Run each act on a connection of its own, all released at once; how often each outcome came."""
    outcomes: list[str] = []
    barrier = Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        try:
            connections["default"].ensure_connection()
            barrier.wait(timeout=60)
            act()
            outcomes.append("done")
        except DomainError as refusal:
            outcomes.append(refusal.code)
        except DatabaseError as error:
            outcomes.append(repr(error))
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Counter(outcomes)


@pytest.mark.usefixtures("books")
class TestParallelSpends:
    def test_succeed_as_often_as_the_balance_covers(self) -> None:
        one, two = make.make_account(posted=7 * 19 + 6), make.make_account()
        acts = [lambda: make.commit(transfer_many, [make.transfer(one, two, 7)]) for _ in range(50)]
        assert race(acts) == {"done": 19, "insufficient_balance": 31}
        assert (make.balance(one), make.balance(two)) == (Balance(6, 0), Balance(133, 0))
        assert fold_check() == []

    def test_and_holds_share_one_balance(self) -> None:
        one, two = make.make_account(posted=100), make.make_account()
        spends = [lambda: make.commit(transfer_many, [make.transfer(one, two, 10)]) for _ in range(10)]
        holds = [lambda: make.commit(apply_holds, [make.hold(one, 10)]) for _ in range(10)]
        assert race([*spends, *holds]) == {"done": 10, "insufficient_balance": 10}
        assert make.balance(one).available == 0
        assert fold_check() == []

    def test_with_one_key_happen_once(self) -> None:
        one, two = make.make_account(posted=100), make.make_account()
        moved = make.transfer(one, two, 60)
        assert race([lambda: make.commit(transfer_many, [moved]) for _ in range(12)]) == {"done": 12}
        assert make.balance(two) == Balance(60, 0)
        assert LedgerTransfer.objects.filter(idem_key=moved.idem_key).count() == 1

    def test_of_ends_leave_one_end(self) -> None:
        one, two = make.make_account(posted=100), make.make_account()
        key = make.make_pending(one, two, 60)
        posts = [lambda n=n: make.commit(post_many, [(key, f"post:{n}", make.DAY)]) for n in range(6)]
        voids = [lambda n=n: make.commit(void_many, [(key, f"void:{n}", make.DAY)]) for n in range(6)]
        assert race([*posts, *voids]) == {"done": 1, "already_resolved": 11}
        assert LedgerTransfer.objects.filter(pending__idem_key=key).count() == 1
        assert fold_check() == []


CHILD = """
    import sys
    import django
    django.setup()
    from uuid import UUID
    from apps.core.db import unit_of_work
    from apps.ledger.services.transfers import transfer_many
    from apps.ledger.tests import factories as make
    name, rounds, *ids = sys.argv[1:]
    ids = [UUID(text) for text in ids]
    with unit_of_work():
        pass
    print("ready", flush=True)
    sys.stdin.readline()
    for n in range(int(rounds)):
        legs = [make.transfer(a, b, 1, key=f"{name}:{n}:{i}") for i, (a, b) in enumerate(zip(ids, ids[1:]))]
        with unit_of_work():
            transfer_many(legs)
    print("done", flush=True)
"""


@pytest.mark.soak
@pytest.mark.usefixtures("books")
class TestOppositeDirections:
    def test_from_several_processes_never_deadlock(self, books: str) -> None:
        ring = [make.make_account(posted=1_000) for _ in range(6)]
        rounds = 25
        orders = [ring, ring[::-1], [*ring[3:], *ring[:3]], [*ring[3:], *ring[:3]][::-1]]
        children = [self.start(books, f"p{number}", rounds, order) for number, order in enumerate(orders)]
        for child in children:
            assert child.stdout.readline() == "ready\n"
        for child in children:
            child.stdin.write("go\n")
            child.stdin.flush()
        for child in children:
            out, err = child.communicate(timeout=120)
            assert (child.returncode, out) == (0, "done\n"), err
        # Each order gives one unit a round from its first account to its last, and there is an opposite to each.
        assert [make.balance(account).posted for account in ring] == [1_000] * 6
        assert LedgerTransfer.objects.filter(idem_key__regex=r"^p[0-3]:").count() == 4 * rounds * 5
        assert fold_check() == []

    def start(self, database: str, name: str, rounds: int, ids: list[object]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(CHILD), name, str(rounds), *map(str, ids)],
            cwd=ROOT,
            env={**os.environ, **urls_of(database)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
